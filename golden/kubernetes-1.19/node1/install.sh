# The text of golden/scripts/install-kubernetes-1.19-node1.sh, SHA-256 22955296e950474229ce29e74d4ecdcd5568ceeba24ca16a06f650399733fdd5
