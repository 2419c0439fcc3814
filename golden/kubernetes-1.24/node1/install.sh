# The text of golden/scripts/install-kubernetes-1.24-node1.sh, SHA-256 c806a1458016eea07a0977805b636690128babdbb904a9ba0150eccb1b8f13ed
