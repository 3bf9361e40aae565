"""The audit trail of an enterprise, for who may read it."""
