# The text of golden/scripts/install-external-etcd-node1.sh, SHA-256 7abdf024c1a8242468ab4c33868584084e6a197145e47450fe5a7b2d6918e404
