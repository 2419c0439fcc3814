# The text of golden/scripts/install-walkthrough-lb.sh, SHA-256 d26abb89515fef97487c7175185a4b30c0eb1931f223f063bc8cfe59607b05ca
