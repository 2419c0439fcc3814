# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 f5c5f30478e6e2c69055198193ae454fcd2922932cc2f859e68c48dfb3ef1a3d
