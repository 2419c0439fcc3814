# The text of golden/scripts/install-kubernetes-1.27-master1.sh, SHA-256 5a2f550f3d6110ec105676e53676469168f3992dc7dfb910235ebd5641ae9540
