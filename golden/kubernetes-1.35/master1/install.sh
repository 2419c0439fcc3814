# The text of golden/scripts/install-kubernetes-1.35-master1.sh, SHA-256 a0261e9b57459bed300bbaffd2f87ef23f50944607a78e4568431284dd7e0a1a
