# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 f365aec7a161022623d746d6fb965769805a0d814e377d284dffdee601a948ac
