"""The pages measured in a real browser: paint, server time, zoom, and how soon a change is seen."""
