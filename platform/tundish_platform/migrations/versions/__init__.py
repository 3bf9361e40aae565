"""One file per step; each says which step it follows."""
