"""The writing half: rows in memory, latest values, and how they become segments."""
