"""Channels: one small file a service; `workshop` makes one of what somebody wrote.

A service over HTTP is its settings, the request it makes of a message and the reading of the
answer, all pure; `posting` sends it. Nothing here reaches the network but through adapters.egress.
"""
