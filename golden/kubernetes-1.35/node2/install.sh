# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 3ce2600dd932631dc584acd7a3564bbbc28e06c18ee61c3210cd60877b7fd677
