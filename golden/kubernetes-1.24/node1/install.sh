# The text of golden/scripts/install-kubernetes-1.24-node1.sh, SHA-256 05b11eacff534d1c758b08d47d163a072611b355df39d283e0a2ef920c41d40c
