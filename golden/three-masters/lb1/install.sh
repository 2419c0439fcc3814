# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 b330110b0d0a03e6a1150155f0fad34b318dcea6970f085c57ae183e679a000f
