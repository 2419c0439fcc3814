# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 9fdfad48bfa8fe4f1a9bf12fd7d43d7edc93a5017166924693e00665fe9fd128
