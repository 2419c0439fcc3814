# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 b2a89efa028bfeeac439f3bfe92d3408ce091d23fd233b9d50730139c72f27c7
