# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 902520b42f06b2a8f403020cbb0d8c7061a221b2fd653b4289fdad96d15b04e8
