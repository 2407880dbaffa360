"""Charging sessions: facts of starts and stops joined to sessions, and the record each comes to. Pure."""
