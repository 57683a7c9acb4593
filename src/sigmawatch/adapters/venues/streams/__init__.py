"""Streams of venues: one readable file per venue's frames, and the socket they share."""
