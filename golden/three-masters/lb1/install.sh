# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 facaf0a58065804a8e342c920bf2cc48a4739091f18f21378b23244083f17662
