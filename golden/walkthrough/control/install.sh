# The text of golden/scripts/install-walkthrough-control.sh, SHA-256 b660f01227743bebc499c9e626dffeaab14ac3b70c4ed8101b1b98aa6c3f9e4b
