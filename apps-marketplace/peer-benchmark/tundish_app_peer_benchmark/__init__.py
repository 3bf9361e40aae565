"""同业对标: one's own figures among the quartiles of peers, which the platform makes."""
