# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 8c3182404531da56011530637686239decf9aabd2539a1ba13b44182ac53a6c0
