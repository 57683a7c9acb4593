"""Files of records: one writer per format."""
