# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 bbcd42a61bd1498b09da9f760c0f4a56184a3f0d28a531df5420bff0c8b7b67a
