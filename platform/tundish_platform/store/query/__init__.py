"""The reading half: what can be asked, and the arithmetic behind the answers."""
