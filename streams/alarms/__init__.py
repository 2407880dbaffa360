"""Alarms: signals from the messages, rules as data, episodes as state. Pure."""
