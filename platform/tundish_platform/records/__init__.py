"""Records for apps: what the platform reads on an app's behalf, with a scope narrowed to one granted kind."""

from tundish_platform.records.reading import MAX_ROWS, Reading, read_records

__all__ = ["MAX_ROWS", "Reading", "read_records"]
