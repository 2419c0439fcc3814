# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 1aff4ce0e8c808e0e74f2b13aa1ed871b2082f31cc1474340ff4b00b52ac4180
