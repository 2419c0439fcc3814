# The text of golden/scripts/pod-routes-dual-stack-master1.sh, SHA-256 ebd43fd25f75217da62b21101d8599782959500484edd8961ec08bc01b325443
