# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 860c7949c40af8882331ff155f15b1c4c5cfe47c7d5c2c8951c86629fe5bd56a
