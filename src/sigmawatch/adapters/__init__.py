"""How the outside is reached: one file per outside thing, each behind a port."""
