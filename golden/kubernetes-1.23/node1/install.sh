# The text of golden/scripts/install-kubernetes-1.23-node1.sh, SHA-256 932dbded4606fce5ae68d7d33739348705f20221ea308d497855cdcb476fa512
