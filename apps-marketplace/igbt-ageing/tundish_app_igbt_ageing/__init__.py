"""IGBT老化与寿命: ageing of power devices in power cycling."""
