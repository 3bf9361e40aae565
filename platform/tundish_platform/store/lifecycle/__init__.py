"""A tenant's life in the store: quotas, retention, legal hold, leaving with everything, and being removed."""
