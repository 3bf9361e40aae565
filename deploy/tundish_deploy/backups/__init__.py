"""Backups: encrypted, incremental, taken while everything runs; restored, drilled, thinned out."""
