"""Maps each top-level folder `X/` onto its package `tundish_X`; everything else is in pyproject.toml."""

from setuptools import find_packages, setup

FOLDERS = ("platform", "connectors", "analytics", "dashboards", "deploy")

setup(
    packages=[package for folder in FOLDERS for package in find_packages(folder)],
    package_dir={f"tundish_{folder}": f"{folder}/tundish_{folder}" for folder in FOLDERS},
)
