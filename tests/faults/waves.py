"""A market that rules can be counted on: every price is high and low in turn, each in its own time.

The venue double plays it from candles. A minute of its time is a second of ours: a slot. A rule is
over few series and their waves are long, so that no rule ever has a storm (SEMANTICS.md 7: "more
than 25 % *and at least 10* of a rule's states in one slot, or > 20 episodes of one rule in 60 s"):
6 series x 3 waves that touch a minute.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.faults.reader import VENUES

from sigmawatch_simulator import Config, Simulator

MARKETS = 170  # of each of three venues: 510 series
LOW, HIGH = 100.0, 300.0
WAVE_SLOTS, HIGH_SLOTS = 30, 12
RULE_SERIES = 6
COOLDOWN_SLOTS = 3
SLOT_MS, OFFSET_S = 1_000, 0.05
PACE = 60.0  # of the double's time
START_MS = 1_795_132_800_000  # of the double's time
RULES = "wave-"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Ruled(NamedTuple):
    """What a rule is about, by its name. series: `VENUE:BASE/QUOTE`."""

    series: Sequence[str]
    channels: Sequence[str]


@asynccontextmanager
async def playing(
    folder: Path, *, slots: int, markets_count: int = MARKETS
) -> AsyncIterator[Simulator]:
    """The double, its time standing still, with so many slots of waves ahead; after them every
    price stays where it is. markets_count: of each venue."""
    script = folder / "script"
    script.mkdir()
    for number in range(markets_count):
        rows = [[START_MS + 60_000 * at, *[_price(number, at)] * 4, 1.0] for at in range(-2, slots)]
        (script / f"{_base(number)}_USD-1m.json").write_text(json.dumps(rows))
    config = Config(venues=VENUES, script=script, start_ms=START_MS, limited=False, speed=0.0)
    async with Simulator(config) as simulator:
        yield simulator


def _base(number: int) -> str:
    return f"W{number:03d}"


def _price(number: int, slot: int) -> float:
    """Neighbours are a few slots apart."""
    return HIGH if (slot + 7 * number) % WAVE_SLOTS < HIGH_SLOTS else LOW


def ruled(
    double: Simulator, *, channels: Sequence[str], markets_count: int = MARKETS
) -> Mapping[str, Ruled]:
    """Every series has one rule; the rules take turns with the channels."""
    series = [f"{venue.upper()}:{_base(number)}/USD"
              for venue in double.stages for number in range(markets_count)]  # fmt: skip
    parts = [series[at : at + RULE_SERIES] for at in range(0, len(series), RULE_SERIES)]
    return {
        f"{RULES}{number}": Ruled(part, [channels[number % len(channels)]])
        for number, part in enumerate(parts)
    }


def configure(folder: Path, double: Simulator, *, hooks: Mapping[str, str]) -> None:
    """hooks: by channel, where it leads. No past is fetched: a slot that we were down for stays
    unknown."""
    (folder / "sigmawatch.toml").write_text("".join(_configuration(double, hooks)))


def _configuration(double: Simulator, hooks: Mapping[str, str]) -> Iterator[str]:
    ports = sorted({url.split("/")[2] for url in hooks.values()})
    places = ", ".join(f'"{place.replace(":", "/32:")}"' for place in ports)
    yield f'windows = ["10m"]\n[backfill]\nenabled = false\n[egress]\nallow = [{places}]\n'
    for name, url in hooks.items():
        yield f'[channels.{name}]\nservice = "webhook"\nurl = "{url}"\n'
        yield f'secret = "{SECRET}"\nper_minute = 60000\n'
    for venue, stage in double.stages.items():
        pairs = ", ".join(f'"{market.id}"' for market in stage.markets)
        yield f"""
[venues.{venue}]
base_url = "{double.base_url(venue)}"
requests_per_minute = 600000
poll_offset_s = {OFFSET_S}
poll_floor_s = 1.0
[[track]]
venue = "{venue}"
markets = [{pairs}]
metrics = ["price"]
every = "1s"
"""


def rule(folder: Path, rules: Mapping[str, Ruled], **more: str) -> None:
    """Write them where the program looks for them. more: other keys of every rule, in TOML."""
    keys = {"condition": '"price > 200"', "cooldown": f'"{COOLDOWN_SLOTS}s"'} | more
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    (folder / "rules.toml").write_text("".join(
        f"[rules.{name}]\ntarget = {json.dumps(one.series)}\n"
        f"channels = {json.dumps(one.channels)}\n{lines}"
        for name, one in rules.items()
    ))  # fmt: skip
