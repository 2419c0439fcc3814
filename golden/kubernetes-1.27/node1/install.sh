# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 a4ae27db9b01d8d9bcee887c6a155fca0c312959d7430bc9e3132cb8ed856fa1
