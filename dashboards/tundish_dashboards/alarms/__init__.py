"""The alarms of a plant: what stands, what happened, and what the shift does about it."""
