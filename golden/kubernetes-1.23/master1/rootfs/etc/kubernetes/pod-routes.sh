# The text of golden/scripts/pod-routes-dual-stack-master1.sh, SHA-256 0452a799ca9c47a922642a6a19660e4ba32639cfa2a1955efda0cb719c4d079e
