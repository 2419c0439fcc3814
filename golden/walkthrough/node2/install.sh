# The text of golden/scripts/install-walkthrough-node1.sh, SHA-256 2d8808f31b89c0256fe16b7c671ccf11d7f150ce7e5ef90c922a25c33fd23772
