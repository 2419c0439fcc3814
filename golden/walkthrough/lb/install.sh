# The text of golden/scripts/install-walkthrough-lb.sh, SHA-256 634755a59f17b9a7df26d132335cdadef5319bce80083722368c4d07ac81fcb7
