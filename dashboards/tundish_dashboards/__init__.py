"""Tundish dashboards: plant, market and bureau pages in Dash."""
