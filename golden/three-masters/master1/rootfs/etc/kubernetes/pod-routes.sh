# The text of golden/scripts/pod-routes-dual-stack-master1.sh, SHA-256 ac1d00bc13386ad90741d8a35b2bcf2996335e2a8f286dd5aabe8f0fbd7808e4
