# The text of golden/scripts/install-walkthrough-lb.sh, SHA-256 5067c509448fbb23eb6767e5e5d9f1c5a67d93c161aea1ece0e2590640ecdce7
