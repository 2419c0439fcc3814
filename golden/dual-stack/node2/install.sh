# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 596092c62b46d46303116a8a6972663b84888eed72ea9588bce0c129a8951eb9
