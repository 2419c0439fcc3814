# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 cf13d79fb7b1ac4741423b4dca808519b81f74169dbc9a512d5022a471704615
