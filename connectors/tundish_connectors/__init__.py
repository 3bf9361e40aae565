"""Tundish connectors: data from machines into the tenant store, through a spool that survives."""
