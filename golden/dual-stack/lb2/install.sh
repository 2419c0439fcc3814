# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 47527acff5392629bfcbf99e30cd0c58a55ba9a4a91d1954ad38ccf04f67ca9e
