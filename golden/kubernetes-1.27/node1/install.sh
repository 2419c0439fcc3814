# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 af69f85e9e1d21d8d90ec19ffe7c89fd53016e870539aafa9075ac1af6d3ad54
