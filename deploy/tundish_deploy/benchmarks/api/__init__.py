"""The HTTP API under the load of a city: everyday calls at a steady rate, searches, bulk ingest."""
