# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 414b21c58b07d2dc26448e14c6e782f4b69a57bc885c3d243a40ee6761eb9c1f
