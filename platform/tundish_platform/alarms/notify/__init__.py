"""Telling people of alarms: channels, escalation, and every message until it is sent or given up."""
