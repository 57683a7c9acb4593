"""The command line of the double: starts it, prints its addresses, runs until stopped."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sigmawatch_simulator.config import Config
from sigmawatch_simulator.errors import BadRequest
from sigmawatch_simulator.faults import KINDS, Fault, parse_faults
from sigmawatch_simulator.server import Simulator
from sigmawatch_simulator.venues.stage import VENUES


def main(argv: Sequence[str] | None = None) -> int:
    """0 after Ctrl-C or SIGTERM, 2 where the arguments or a port cannot be had."""
    try:
        config = _config(_parser().parse_args(argv))
        asyncio.run(serve(config, say=_say))
    except (BadRequest, OSError) as exc:
        sys.stderr.write(f"sigmawatch_simulator: {exc}\n")
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


async def serve(config: Config, *, say: Callable[[str], object] = lambda _: None) -> None:
    """Runs until cancelled, or until SIGINT or SIGTERM; `say` gets one line per address."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(config) as simulator:
        for line in addresses(simulator):
            say(line)
        await stop.wait()


def addresses(simulator: Simulator) -> list[str]:
    """One line per port."""
    lines = [
        f"{venue:<9} {simulator.base_url(venue)}  {len(stage.markets)} markets"
        for venue, stage in simulator.stages.items()
    ]
    return [*lines, f"{'control':<9} {simulator.control_url}"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sigmawatch_simulator",
        description="Kraken, Coinbase Exchange and Binance on loopback, with a clock of their own.",
        epilog="fault kinds: " + ", ".join(KINDS),
    )
    parser.add_argument("--venues", default=",".join(VENUES), help="comma-separated")
    parser.add_argument("--markets", type=int, default=50, help="per venue, 1..5000")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--speed", type=float, default=1.0, help="virtual per real second, 0..3600")
    parser.add_argument("--start-ms", type=int, help="virtual time at the start; default: now")
    parser.add_argument("--skew-ms", type=int, default=0, help="how far the venues' clock is ahead")
    parser.add_argument("--script", type=Path, help="recorded candles: a file or a folder")
    parser.add_argument("--no-limits", action="store_true", help="no request limits")
    parser.add_argument(
        "--ports", default="", help="kraken=8101,coinbase=8102,binance=8103,control=8100"
    )
    parser.add_argument(
        "--fault", action="append", default=[], help="JSON, may be repeated; or @file"
    )
    return parser


def _config(given: argparse.Namespace) -> Config:
    return Config(
        venues=tuple(name.strip() for name in given.venues.split(",")),
        markets_count=given.markets,
        seed=given.seed,
        start_ms=given.start_ms,
        speed=given.speed,
        skew_ms=given.skew_ms,
        script=given.script,
        limited=not given.no_limits,
        ports=_ports(given.ports),
        faults=tuple(fault for text in given.fault for fault in _faults(text)),
    )


def _ports(text: str) -> dict[str, int]:
    ports: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if not number.isdigit():
            raise BadRequest(f"--ports: expected name=port, was {part!r}")
        ports[name.strip()] = int(number)
    return ports


def _faults(text: str) -> list[Fault]:
    return parse_faults(Path(text[1:]).read_bytes() if text.startswith("@") else text)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
