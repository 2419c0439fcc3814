# The text of golden/scripts/install-kubernetes-1.23-node1.sh, SHA-256 fc66bd6d66d4fd0e4529bdfaa404521d79b57eca453a2e1190cccc6a427981ec
