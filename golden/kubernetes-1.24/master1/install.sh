# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 ae1cd5d5667dec59b214b6d54baa4e303de316a21882d0ae4cbf18ebe4035e88
