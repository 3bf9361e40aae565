"""The energy page: consumption, load and its forecast, energy for what is made."""
