"""Where acknowledged batches are safe until they lie in segments."""
