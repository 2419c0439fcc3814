# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 a23748de586706a580e4eb492d32f5e7777c55501ee67c59c6024ea4ef8ad9f1
