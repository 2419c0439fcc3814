# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 abda4dd9a44e7068772c02495b4bf59df4e5c9391be1be340bf2b2fd16a1f99c
