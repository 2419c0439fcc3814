# The text of golden/scripts/install-three-masters-master1.sh, SHA-256 500d3cf797513904d308d590c829b573a4051898d0149ec7962fde2c44b5506d
