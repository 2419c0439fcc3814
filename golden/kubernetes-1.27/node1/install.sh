# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 ac21b1898af97f28c7456366e4713c98576f6223bc9e612a08fb1fe87bc33e0c
