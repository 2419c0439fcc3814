# The text of golden/scripts/install-three-masters-admin1.sh, SHA-256 2da08e84ad5d1f0018a733bee995c3fc504408798cf556bffa9e1821225cfc31
