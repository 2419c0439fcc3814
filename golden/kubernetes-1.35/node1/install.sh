# The text of golden/scripts/install-kubernetes-1.35-node1.sh, SHA-256 050d4304d5216b77610bc4a09edce9e277e5749e44e9c7f74d500d92b4dd693c
