"""SPC监控: control charts for any numeric signal."""
