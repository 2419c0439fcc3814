# The text of golden/scripts/install-kubernetes-1.23-master1.sh, SHA-256 e592fa6180f96870c436ef17707ffdd36200fae5672797911acf020cca9444cf
