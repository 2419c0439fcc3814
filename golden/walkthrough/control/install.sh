# The text of golden/scripts/install-walkthrough-control.sh, SHA-256 4c13561c7bfa5dbac34addbb44eb7cc12cf82171b162c7088303a4a5baabd846
