"""Version 1 of the API, written from its contract."""
