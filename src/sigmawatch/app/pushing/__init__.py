"""Readings that are pushed in: from a body to frames and patches, durable before it is answered.

`push` is what the rest of the program knows. What bodies say comes as columns (`told`); of lines in
InfluxDB's protocol `lines` makes them. `sheet` holds what was told of the newest slots and makes
frames of it, `late` patches of what is older. Both take the tracker's own path: bus, gate,
transaction, table.
"""
