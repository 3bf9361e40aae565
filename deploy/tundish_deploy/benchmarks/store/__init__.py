"""The telemetry store beside its peers: `tundish bench store`."""
