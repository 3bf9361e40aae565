"""`python -m tundish_deploy` is the `tundish` command; supervised parts are started this way."""

from tundish_deploy.cli import app

app()
