# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 4a265c70d59ddf015353b5098e9ca1a63b03c9a2cfe6eabfd9fe8726587d61cd
