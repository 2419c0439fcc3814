# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 b2f2346fbe375d691cd5c0c7de499a629d34d9f69da59e4f9ba04e5faf2d6c56
