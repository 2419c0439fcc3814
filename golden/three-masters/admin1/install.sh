# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 415898ae8f5226733f8e2442e28c377e408f9a6295de7d1781ddeac110066564
