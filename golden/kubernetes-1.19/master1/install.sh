# The text of golden/scripts/install-kubernetes-1.19-master1.sh, SHA-256 c99c2b744d107c1bdfd0bed6b645e28b8e212002ab01c89e745b0ef6c023a843
