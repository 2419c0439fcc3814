# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 4a5250c2c3e72956cc08ab12c55025f582e6ac8891985e9d1940b0ad5fa1f51a
