# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 0016479c35277bb4a0b2e5cacfbf31e54ddb8119b4d70d1053659269a8172252
