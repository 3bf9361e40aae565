"""Models as such: folds, calibration, registry and model cards."""
