# The text of golden/scripts/install-walkthrough-node1.sh, SHA-256 494b003aac486beb2fafb13ccc889b5c156b6c639cf164355a7ccac66f66b6b1
