# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 20d71ae033bf2e9305a252d4ea176ef63ae2e466d161b637db6dbf0b58546819
