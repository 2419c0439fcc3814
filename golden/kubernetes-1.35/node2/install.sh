# The text of golden/scripts/install-kubernetes-1.35-node1.sh, SHA-256 977c1598d43d2ea494b078fedb195983dcda82072ad6772e65797c83b5ef5a25
