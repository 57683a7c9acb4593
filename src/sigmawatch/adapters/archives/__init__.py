"""Where sealed history is written out for other programs."""
