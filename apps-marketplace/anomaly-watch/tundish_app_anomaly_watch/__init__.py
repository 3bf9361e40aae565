"""通用异常看护: watches a machine without labels."""
