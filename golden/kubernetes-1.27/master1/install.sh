# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 8ae0261859922e19678228811a1f7222ec6ea3cd11584a88001d13724dcc6b92
