# The text of golden/scripts/install-kubernetes-1.19-node1.sh, SHA-256 9a4d51bb90d9c4d2dadd9c549e1e9a8df220fb25e136559f809e2b3b687192c1
