"""How roles talk: one file per bus."""
