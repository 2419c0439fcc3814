# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 33369e3a0913fea93903e6b7151f3c44ff0e4c38502922befffdd4d96050bfee
