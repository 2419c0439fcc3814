# The text of golden/scripts/install-kubernetes-1.35-master1.sh, SHA-256 4517d61df098e78a45f109ada9e19103063581d6fbb4c8d89e57154bd771e94b
