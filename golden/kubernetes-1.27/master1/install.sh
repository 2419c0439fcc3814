# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 9f8640b02a26327f04a5a72499e1aefe57e16f9b96a3abccdcd7102d5940129a
