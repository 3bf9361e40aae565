"""Condition of machines and devices: hydraulic circuits, bearings, IGBTs and MOSFETs.

Nothing is loaded here: what reads a voltage needs no scikit-learn.
"""
