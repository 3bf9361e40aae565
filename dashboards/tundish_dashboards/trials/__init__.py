"""The page of shadow trials: an app over the tenant's own history, before anybody pays."""
