# The text of golden/scripts/install-kubernetes-1.24-master1.sh, SHA-256 5f2f75a72ff382b02b10c66973ed80d3fe15fec6621a1527cc5ccce6e1bf18e3
