# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 2b9baeb9b4a021a971ea058ebfaa7bf147a9a06f45d7e88de5cdb4d55b70d705
