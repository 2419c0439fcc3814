# The text of golden/scripts/install-walkthrough-control.sh, SHA-256 3a08f41b1aeac96c10d5d30a4a5228add02934e975d4f1302cef8680181789de
