"""What developers of apps work with: a template that works at once, windows from files, words for screens."""
