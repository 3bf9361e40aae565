"""Tundish platform: samples, store, tenancy, assets, marketplace, programme, API and SDK."""
