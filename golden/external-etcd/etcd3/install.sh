# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 97b09ac49237044c2f98a8683314b0ffb06a904d79285c55584e92497b7633e1
