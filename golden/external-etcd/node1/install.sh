# The text of golden/scripts/install-external-etcd-node1.sh, SHA-256 ff823ba90221fea5886f97e447cf09826f6c7bf7ef2ff4172ce6e5ab23737b64
