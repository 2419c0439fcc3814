# The text of golden/scripts/install-kubernetes-1.35-master1.sh, SHA-256 e8eb178125e184735d88e37a27bbabc3346ad55f2d95c679756b245559a58cd5
