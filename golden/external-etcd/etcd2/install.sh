# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 9319849fc1018da073e2966a8a890d869a3e2b8d4ac0b5d91b2b5a5b20f24032
