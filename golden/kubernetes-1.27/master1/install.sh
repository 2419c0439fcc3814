# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 845be83ebf87bea8047993e4730a433d32c7abdea67dd99f7be2da0e94e673c2
