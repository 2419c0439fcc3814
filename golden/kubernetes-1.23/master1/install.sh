# The text of golden/scripts/install-kubernetes-1.23-master1.sh, SHA-256 9ae82cb19a849e4869c709cb21b450415d28dc05c550b871fa9d682b3b0c07e8
