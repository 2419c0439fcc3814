# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 dbdb05397a210f8b4f68c62e032b0e8bee9d85f6bb72b23a0a4903c9b7cd8267
