# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 77419600a3134ba1f9d1e49f99652c690bd76e5f4231c34df943afc2205ec775
