# The text of golden/scripts/install-three-masters-node1.sh, SHA-256 944984ab3c246615101800290fa0ae1a86e7bf71e1db8ed7ca19f6b61e0b26b1
