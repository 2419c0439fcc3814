# The text of golden/scripts/install-kubernetes-1.19-node1.sh, SHA-256 6dfa566fc80a70f4ab2bcb37035885e02114b734c148120b310bf84965aaf684
