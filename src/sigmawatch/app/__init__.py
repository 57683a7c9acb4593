"""The running program: roles, wiring, web and command line. Only `wiring` knows adapters."""
