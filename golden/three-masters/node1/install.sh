# The text of golden/scripts/install-three-masters-node1.sh, SHA-256 b2e009d54161e8c6d0afb83946d881d6183699d6697879043bfc2691566b26be
