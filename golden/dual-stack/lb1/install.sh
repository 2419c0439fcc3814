# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 b39b8ca759dcea31a149047d85dafe92220661b67785e2672c9ee9255983b06e
