# The text of golden/scripts/install-kubernetes-1.19-master1.sh, SHA-256 2ffa94344460e44152cf12dc8a9d8f44328af090e8e3075198981ee4348daf47
