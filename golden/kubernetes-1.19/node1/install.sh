# The text of golden/scripts/install-kubernetes-1.19-node1.sh, SHA-256 8026483c97282df0b070f2e160bead3f865e4c0167aa435297efd90e99365ff7
