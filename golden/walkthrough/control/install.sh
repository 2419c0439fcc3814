# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 f8391c8ca47ba211b0e47d184c366c0fd99d267f4bce64539e42a79af7df2cf6
