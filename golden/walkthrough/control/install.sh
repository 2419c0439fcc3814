# The text of golden/scripts/install-walkthrough-control.sh, SHA-256 b704648ab663d067bb1394f94fdd403fba3ee1d8e90fc41be7d58410b8b1fe80
