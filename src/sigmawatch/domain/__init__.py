"""What is true: frozen values and pure decisions. Standard library only; no clock, no I/O."""
