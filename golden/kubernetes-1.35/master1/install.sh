# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 9425a4c096ac7b2eb7295f4e9d72824bdc85ace89695f04da328b06e15c6de75
