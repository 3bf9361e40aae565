"""Tundish analytics: features, models and their evaluation over windows from the store."""

from importlib.metadata import version

__version__ = version("tundish")
