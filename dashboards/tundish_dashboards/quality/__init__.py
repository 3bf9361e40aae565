"""The quality page: control charts, capability, Pareto and the genealogy of a piece."""
