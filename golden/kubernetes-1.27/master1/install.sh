# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 6d1bcb1c4a217c3e71ac9e982b27ec9a265acd15097d090b511aa9aeb3302f0f
