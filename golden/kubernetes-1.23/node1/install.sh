# The text of golden/scripts/install-dual-stack-node1.sh, SHA-256 a6a9bb3bf6d34ee590fdf09eb80c9b7cc5007676b3fbb1d6b42dd0efe1afd807
