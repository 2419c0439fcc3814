# The text of golden/scripts/install-walkthrough-master1.sh, SHA-256 a9726b7df23d8aeaa506e07abb97e932d15de6316d808461b3da1c26b2502854
