# The text of golden/scripts/install-external-etcd-node1.sh, SHA-256 18e5e6bcd2fad8e686bcbf1278e1132e92509f5c6497cbaffdad46ca15a16fea
