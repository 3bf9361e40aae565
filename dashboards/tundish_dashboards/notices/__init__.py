"""Settings of alarms: channels, escalation policies, the log of messages, planned maintenance."""
