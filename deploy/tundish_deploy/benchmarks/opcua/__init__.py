"""The OPC UA client beside its peers, and the way from a server into the store."""
