# The text of golden/scripts/install-walkthrough-master1.sh, SHA-256 0a12729e947de379e217e5b57e2f07df3d3abef83e5c80f56448b36baaab37b5
