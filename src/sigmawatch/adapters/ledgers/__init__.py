"""Where what is true is kept: one ledger per database."""
