# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 1f0764a199afcc840225c69ab7eda8c12680994497b7cb9d51a54e6b9749184e
