"""Tundish deploy: the composition root and the `tundish` command."""
