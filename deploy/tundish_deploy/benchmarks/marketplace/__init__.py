"""What the marketplace adds to an app's own work, and how many subscriptions it keeps up with."""
