"""Rules and alerts: what is in force, what it would have said, what it decided."""
