# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 8cbfddadf8bd2ef21cfe434c645ee672745fa13c792849b143cb06016809f2d4
