# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 63649c5c6cd9fdacd12092a3bf36e2a5f4640499442194f7ea8fd7ebed7f2e92
