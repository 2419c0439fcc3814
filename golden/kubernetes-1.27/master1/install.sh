# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 88c66b988bb7f89fa0c1c32632dccd178445d87f8478b898ab1fe9940217a5cd
