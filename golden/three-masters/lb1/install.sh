# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 c0197c7d6ec12160a16ad55a09e2b23ead8828503d7d5ab9d490faa1c6700834
