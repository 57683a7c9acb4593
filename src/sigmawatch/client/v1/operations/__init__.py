"""What is asked, as values."""
