# The text of golden/scripts/install-kubernetes-1.35-node1.sh, SHA-256 3e0e19ed6dc00fdfe595df007a46fe537b835aab01bde2beffb5873699b0ea12
