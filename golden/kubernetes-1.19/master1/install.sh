# The text of golden/scripts/install-kubernetes-1.19-master1.sh, SHA-256 63d0b2414ecfda6efdfe97b1e21b4d277b6ebc6556410f3d5c51300107b92d88
