"""Rows from files and recordings, delivered as history."""
