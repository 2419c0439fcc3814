# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 441eac83ca0ac2911a31037daa5c911e8ff83cb0ebb2be30462d10aa79b206f3
