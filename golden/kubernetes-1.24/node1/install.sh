# The text of golden/scripts/install-kubernetes-1.24-node1.sh, SHA-256 17b6d87499873fd79ff43e3516a2b6c5070cee77bcb225f233887220e2dfe3cf
