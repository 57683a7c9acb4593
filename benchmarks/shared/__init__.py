"""What several benchmarks share: the machine, results as files, rules over a real table."""
