# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 3d8d2e5ff5f296bdd0097c6ceabb9f5a231e8d096f65d483a86038b221989b41
