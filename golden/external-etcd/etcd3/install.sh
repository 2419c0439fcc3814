# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 06e61f5c480398624bfdc144f2c7f003700af01a61ccb27e8fb932322db3bc80
