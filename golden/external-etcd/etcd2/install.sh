# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 b47f2cf4bc1909bee850ad48dd63729647876ae4edf7d04d96f8d54f784bd74d
