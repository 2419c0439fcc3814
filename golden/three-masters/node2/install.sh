# The text of golden/scripts/install-three-masters-node1.sh, SHA-256 d445af3b826a84fa5db05a167f67ff7d0677cafdfaf98b1f594e604e9d767dbf
