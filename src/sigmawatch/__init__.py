"""Sigmawatch: a self-hosted tracker of market metrics, ranked by volatility, with alerts."""

__version__ = "0.1.0"
