# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 91d38d2b1bafe7db433980f1f8ed8dfc2fa4d8fdeea03f9706c88ffc7c296f6b
