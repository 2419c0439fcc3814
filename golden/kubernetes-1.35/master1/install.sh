# The text of golden/scripts/install-kubernetes-1.35-master1.sh, SHA-256 2132f5ccc779f4d9687f93656f7ecdd45e1f3593f9fb64d9e4851c1c6383887b
