# The text of golden/scripts/install-three-masters-node1.sh, SHA-256 56cabd2c581e272f3fbde5bd4e5a73ef2806680b563002ed87e9aa673c6d67e5
