# The text of golden/scripts/install-kubernetes-1.19-master1.sh, SHA-256 46e9e4ac054ad4b5e17e8c1c7efbe4ca1d712b3d94d97f3adcf1d5367aad284a
