# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 1c6a6c29ed8a519d0cc49b83fa3875a5e6cd276f02a87947929e454d44ab46cd
