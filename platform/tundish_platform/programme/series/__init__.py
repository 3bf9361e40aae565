"""Figures by month: facts frozen, rules applied to columns, trend, targets, projection, who is stalled."""
