"""Remaining life of units that ran to failure: features up to now, regressors, intervals split by unit."""
