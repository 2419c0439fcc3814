# The text of golden/scripts/install-kubernetes-1.19-node1.sh, SHA-256 225f6a422bfa329b18e6c2e04792cfbdf178ce3cfe3046d2792f9178dec49791
