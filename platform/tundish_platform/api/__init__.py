"""The HTTP API and the query functions it shares with the dashboards."""
