# The text of golden/scripts/install-walkthrough-node1.sh, SHA-256 e93f9924c402dbb57696721ba336a715e05faa596a4ba635226baf0d53a7b5a1
