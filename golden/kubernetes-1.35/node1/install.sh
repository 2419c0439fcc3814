# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 1e0fc9b5f60cd95b0a36261da38d555923dfc5bd2eb7a34748831df40a0a3da2
