"""Hostile apps and models: what they try, that it fails, and that each attempt works without the sandbox."""
