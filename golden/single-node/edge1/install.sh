# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 f95e4e262d684481c145da1c249c9e80314cf1f07a607cc674923871058bc231
