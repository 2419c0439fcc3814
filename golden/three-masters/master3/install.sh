# The text of golden/scripts/install-three-masters-master1.sh, SHA-256 cc9b188f94de1c2d25aaca7723b34c738c4fa7804dc68703623e674d4f50f938
