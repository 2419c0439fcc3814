# The text of golden/scripts/install-kubernetes-1.23-master1.sh, SHA-256 721f1ae4df06a34f2cd3e62baffdf97bd8aacc9db557d84b56db3fc860122b24
