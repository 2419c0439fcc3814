# The text of golden/scripts/install-walkthrough-node1.sh, SHA-256 f184dd092e78b5996949e93b557dab50d5bc8c5f3314c6846bb6489481b685a2
