# The text of golden/scripts/install-external-etcd-etcd1.sh, SHA-256 772a879cc2160092d48ffe5a5ddab4ce00c6e54512a3ea3f3d3b83e726d36b37
