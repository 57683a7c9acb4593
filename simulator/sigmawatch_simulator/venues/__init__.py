"""The personalities: how each venue speaks. One file per venue, no I/O."""
