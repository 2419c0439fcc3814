# The text of golden/scripts/install-kubernetes-1.23-node1.sh, SHA-256 785b4de31f8e5afb8a633499573fee62416e942d33518e00a0b6e734cccd1c28
