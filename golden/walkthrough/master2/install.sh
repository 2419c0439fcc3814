# The text of golden/scripts/install-walkthrough-master1.sh, SHA-256 05022f1a74072f0d25317e8983e1d03e35b89f419a6c74ef774ebaf481a99d88
