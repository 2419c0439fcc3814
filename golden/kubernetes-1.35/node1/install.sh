# The text of golden/scripts/install-kubernetes-1.35-node1.sh, SHA-256 5bef7e7d15681c472a9281c6e53252a3f95685e64f6552a2c8fe17de81914c40
