# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 05f72964fcf0e27f18cf5a66a700231b57a118d13ac4ad2690397f5b265f6475
