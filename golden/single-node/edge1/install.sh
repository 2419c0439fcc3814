# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 9c05c844e084dea0cc01eca90aec5fa95682f113a2b548fbc244c85d19bc7dae
