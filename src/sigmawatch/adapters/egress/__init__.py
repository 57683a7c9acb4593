"""The way out: every notice, by HTTP or by mail, passes `guard.Egress` (SECURITY.md)."""
