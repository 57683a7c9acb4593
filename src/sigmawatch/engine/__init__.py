"""What follows from the readings: NumPy and domain only; no clock, I/O, logging, or randomness."""
