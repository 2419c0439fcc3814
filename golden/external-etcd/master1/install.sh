# The text of golden/scripts/install-external-etcd-master1.sh, SHA-256 e571f339212faaf6488e38db63b175dcdddde18a1ff563d53c080f0fa766fc85
