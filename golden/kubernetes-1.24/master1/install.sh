# The text of golden/scripts/install-kubernetes-1.24-master1.sh, SHA-256 d4b03d1e2c2191e1559096417e7c9854d15e88fca05885c5ac585acc927fd967
