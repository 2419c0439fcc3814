# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 90b0e059e7bfeb6e9de804ff30cbad0c811ea5fa44e4f7bdce32d3c8651ba737
