# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 09d1f4c0dacc4baf8f26b2cb23327c9e87a4244c674fd80fbaec33c0a85df110
