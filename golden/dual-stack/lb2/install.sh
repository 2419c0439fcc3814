# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 301ed12e19839f1d1a4dc56f0498fd1162ac7c88ff5c54f069246f2d56c7ee62
