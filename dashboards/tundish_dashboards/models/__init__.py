"""The page of a tenant's models: which versions there are, how they fare, and what people decide."""
