# The text of golden/scripts/install-kubernetes-1.23-node1.sh, SHA-256 0842c15a593a30c25bf16e5daf039e0d8c633cde79ff3815d6ea13b528e307da
