# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 aa7104203af5fd43f78eb5efa717fc07e2dfc63ecd56de65f4f6a16c2a864efb
