# The text of golden/scripts/install-kubernetes-1.19-node1.sh, SHA-256 f539cd4dbdae3017ec7e678b33dc983f9ffa015ecfdefe262053f562ad09ecab
