"""The notifier: claims notices from the outbox, finds whom they are for, says them in words, sends
them, and records what came of it (SEMANTICS.md 8).

`Notifier` in `notifier` is what the program runs; the decisions are those of
domain.delivery_policy.
"""
