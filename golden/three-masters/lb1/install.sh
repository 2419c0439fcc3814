# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 376b5267ff6897901f54527b5de8089687401d610d745e6411eb2a976ba745da
