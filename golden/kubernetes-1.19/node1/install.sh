# The text of golden/scripts/install-kubernetes-1.19-node1.sh, SHA-256 1ef9cdbdb4aa208873c26397bcae5468231b46d0628d4d2c2a2be34a39c8ef18
