# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 5a864d2585557c79821fc9bfd07de072d6fbe904abe8f0ada1904733f0768ebd
