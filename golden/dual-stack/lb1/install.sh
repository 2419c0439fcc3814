# The text of golden/scripts/install-dual-stack-lb1.sh, SHA-256 98924cfe4da486783d59ca0f376401eddb3f8446565e0d983301a454a59d5422
