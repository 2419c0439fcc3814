# The text of golden/scripts/install-three-masters-master1.sh, SHA-256 c15384c5cfa3371caf59bedcaee36e1212e28adf78d88080233737f672e0b350
