"""What follows: the series table, its statistics and ranks. NumPy only; no I/O, no clock."""
