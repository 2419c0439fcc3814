# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 83c1e5099d2ef0783f60e20dbd68c2b25214561a0ee5c427246cecef9db8a9fa
