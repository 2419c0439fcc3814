# The text of golden/scripts/install-kubernetes-1.24-master1.sh, SHA-256 a463fcc32f7ce27636cb0f7ec99c03ccee7707ff8147452e338040da6c67aa5c
