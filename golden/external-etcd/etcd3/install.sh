# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 95d1961535fa9c738b6ff0e298a77112de67de311cebf443eb5c0ece57ee64f7
