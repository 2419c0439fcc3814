# The text of golden/scripts/install-kubernetes-1.23-master1.sh, SHA-256 d5ea5cb2a685a03e6e79188facaf0e0184198bd6e2f6017d886b2f3c65262928
