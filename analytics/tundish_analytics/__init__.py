"""Tundish analytics: features, models and their evaluation over windows from the store."""
