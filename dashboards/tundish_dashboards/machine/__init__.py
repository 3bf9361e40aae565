"""One machine: its condition, what models say of it, its signals, alarms and history of maintenance."""
