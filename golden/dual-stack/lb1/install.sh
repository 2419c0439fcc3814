# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 5b4757ac878e5dac765c58191d358ace071b526a272864b316456ad995c2b847
