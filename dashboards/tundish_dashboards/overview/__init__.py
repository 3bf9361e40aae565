"""Overview of an enterprise: its sites and lines with what counts in the running shift."""
