# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 d9a4eab80bbd1795887dd96df69810b4bf8b43a5c4271243b11db5cce39c5c2b
