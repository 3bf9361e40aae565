"""The sub-commands of `tundish`."""
