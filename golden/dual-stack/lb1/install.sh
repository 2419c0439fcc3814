# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 de497621678c90da42deb74b214f1da2a1ddec6a02521cf0c29700b4a456babf
