# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 e9d6f0c1d411ec0d421fd80da1b951c41b34512289ae075f5e1564bfd405f03a
