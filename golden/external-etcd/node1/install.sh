# The text of golden/scripts/install-external-etcd-node1.sh, SHA-256 c10e5e4ff4c51263cb4ce71633c717099caf02a4f85df7de2fdc80833477d555
