"""City-wide jobs on a Dask cluster, over the Delta tables that each tenant publishes.

A job is the operator's: it names its tenants, reads them one by one, and gives each only its own rows back.
"""
