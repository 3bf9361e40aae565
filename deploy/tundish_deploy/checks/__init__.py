"""Rules of this code that no ready-made linter knows; each runs with ``python -m`` and with the tests."""
