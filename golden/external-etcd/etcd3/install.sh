# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 5e060fef26de8fecaeb895d8949f34cdcb35d787c8f98c62543f5382d7afef57
