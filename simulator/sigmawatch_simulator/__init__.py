"""The venue double: Kraken, Coinbase Exchange and Binance on loopback, on a clock of its own.

For tests, the demo and load runs. Never imports sigmawatch; adapters reach it by base URL only.
"""

from sigmawatch_simulator.clock import VirtualClock
from sigmawatch_simulator.config import Config
from sigmawatch_simulator.errors import BadRequest
from sigmawatch_simulator.faults import Fault, FaultBoard
from sigmawatch_simulator.server import Simulator

__all__ = ["BadRequest", "Config", "Fault", "FaultBoard", "Simulator", "VirtualClock"]
