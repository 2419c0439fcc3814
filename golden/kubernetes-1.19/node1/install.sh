# The text of golden/scripts/install-kubernetes-1.19-node1.sh, SHA-256 b55fe995ac581d60d886ecb69c4068143875f702c08bb7c0bc47a40c0352f86c
