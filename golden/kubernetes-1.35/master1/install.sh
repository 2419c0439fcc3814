# The text of golden/scripts/install-dual-stack-master1.sh, SHA-256 7a9cc935f9961049baf4fd9435797faecb2f25f26b7a4546e88835b65bdc3a83
