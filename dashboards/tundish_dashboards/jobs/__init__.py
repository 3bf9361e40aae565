"""The page of the jobs that people ask workers for."""
