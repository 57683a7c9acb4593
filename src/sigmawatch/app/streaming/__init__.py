"""Streaming: what changes, told to everybody who listens as it happens.

`hub` is who others talk to; `table` is one table as it is told, with the last beats of it; `reader`
is one listener's place in them; `payloads` are the events, `wire` their bytes.
"""
