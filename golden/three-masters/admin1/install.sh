# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 b56dde54da958270381f70ce54d2d0d3a7e0b069b6492d15c8c64eb8e545525a
