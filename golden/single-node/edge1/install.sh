# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 4f29fd77138f082681a68748d47c1c7dee0a9df32eae1cf5634e66fd4c8b77a1
