# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 15344cfa768d511720db06d31020e73264025e3504d703230978a7fc32daa8b7
