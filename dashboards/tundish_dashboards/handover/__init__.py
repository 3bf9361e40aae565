"""The hand-over between shifts: reports, notes and wall screens."""
