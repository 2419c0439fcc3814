# The text of golden/scripts/install-walkthrough-lb.sh, SHA-256 d99211d9409e1aad528db475ea57459cb978c91b6c97a8632c972542f75ef808
