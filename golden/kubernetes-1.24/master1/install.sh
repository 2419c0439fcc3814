# The text of golden/scripts/install-kubernetes-1.24-master1.sh, SHA-256 fdc04869aadccf3a02edb2314baa3ffd5e5772755948a0b4bf79460846190c8d
