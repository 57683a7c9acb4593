"""What we need from the outside: small Protocols that adapters fulfil and the program calls."""
