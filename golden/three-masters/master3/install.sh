# The text of golden/scripts/install-three-masters-master1.sh, SHA-256 064104c144c0e01b3c77544a7a4786eaae28c66aee0884866bdb8c657bd0d392
