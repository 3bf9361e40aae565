"""Sorted Parquet files in the tenant's own place, and the manifest that says which of them count."""
