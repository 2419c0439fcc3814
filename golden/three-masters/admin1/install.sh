# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 5348b176435b48d59c08a812fd3a00eab997270a9a4c1fa1b08af055bd40b2a9
