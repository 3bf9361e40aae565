"""The marketplace's page: apps, subscriptions with their grants, runs and app screens."""
