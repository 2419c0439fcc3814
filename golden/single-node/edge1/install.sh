# The text of golden/scripts/install-single-node-edge1.sh, SHA-256 799d5020effa349bf38e24164a9ef2b0210b86576cb0060274dfef4cd74354a8
