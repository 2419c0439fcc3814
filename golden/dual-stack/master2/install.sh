# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 b1f6161bb6bb3d2319360027f689960063ae73c8584e4309d652acf73db488ba
