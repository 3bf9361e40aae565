"""The signal explorer: any signals of a tenant beside each other, from years to milliseconds."""
