# The text of golden/scripts/install-walkthrough-master1.sh, SHA-256 170c484ffacdd405cc7782b3d2a003b91efc4dab201a6067217f795552b76774
