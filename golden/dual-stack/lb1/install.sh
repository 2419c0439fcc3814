# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 d12546424ca3d6d5679fe61efd82fd3ceef76a8403bab2a44145cc525dacfde3
