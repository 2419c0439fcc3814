# The text of golden/scripts/install-kubernetes-1.24-node1.sh, SHA-256 61d481f93d3b9ba799f3cff6b6b568fe39302fbdd5706267be39fe68b9ddf518
