# The text of golden/scripts/install-three-masters-lb1.sh, SHA-256 ab17ab52f4366231e9f86f9181aae2d571f99913f3d16eb811799171f0ff7915
