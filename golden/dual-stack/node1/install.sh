# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 6a7d6ad97dbf4c1725ad1329761b0b9084b5594585f7646f7ea1b98490d1aa95
