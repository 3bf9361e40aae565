"""What apps import."""
