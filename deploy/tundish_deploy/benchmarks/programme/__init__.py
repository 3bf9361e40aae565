"""The programme measured: ghosts among real recordings."""
