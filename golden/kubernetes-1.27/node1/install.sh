# The text of golden/scripts/install-kubernetes-1.27-node1.sh, SHA-256 5998659d3a1dd354a158ecf74fd7820c06c86b7440f58a711e735c4fb17592ae
