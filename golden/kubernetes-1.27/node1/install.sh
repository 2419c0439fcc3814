# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 d7797583512fdb4a31ea48ff8ad3cadccd6a8e8ed73b2a4d0a5f63b0ea8ed174
