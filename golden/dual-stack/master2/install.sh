# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 773ebe294cd0bf8326ce32f341ba777dc7ef952b8256bec0255a955400ea9ea1
