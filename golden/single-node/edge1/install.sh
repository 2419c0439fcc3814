# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 812621d4c9550e69a5926b6f668c9b4bc79bdb3ea1e52f393134b4a08210e204
