# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 35f7058f444a97d9a44e3bb4015b93f89ce08a9c72dd3bbcbd4703e29ad66fac
