"""The bureau's page: adoption counted from measured evidence."""
