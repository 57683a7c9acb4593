"""What `check` says of rules and routes."""

from __future__ import annotations

from pathlib import Path

from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.alerting.checking import foresee
from sigmawatch.app.sources import load_config


def told(folder: Path, rules: str, config: str = "") -> tuple[dict[str, str], dict[str, str]]:
    """Path -> rule of problems and of warnings."""
    source = folder / "sigmawatch.toml"
    source.write_text(config, "utf-8")
    (folder / "rules.toml").write_text(rules, "utf-8")
    found = foresee(load_config(source, environ={}), zones=IanaZones())
    return ({one.path: str(one) for one in found.problems},
            {one.path: str(one) for one in found.warnings})  # fmt: skip


def test_a_rules_file_is_checked_as_the_program_would_read_it(tmp_path: Path) -> None:
    problems, warnings = told(
        tmp_path,
        """
[rules.fine]
condition = "price > 3 * mean(1h)"
target = "kraken:*/USD"
[rules.broken]
condition = "price > 3 * mean(1x)"
target = "kraken:*/USD"
mute = "10:00-11:00 Mars/Olympus"
[rules.nothing]
condition = "price > 3 * mean(1h)"
target = "nowhere:*"
[rules.later]
condition = "price > 3 * mean(1h)"
target = ["watchlist:made-later", "*:BTC/*"]
channels = "made-later"
""",
    )
    assert problems.keys() == {"rules.broken.condition", "rules.broken.mute[0]"}
    assert warnings.keys() == {
        "rules.nothing.target", "rules.later.target", "rules.later.channels[0]",
    }  # fmt: skip


def test_a_rule_that_the_configured_slots_cannot_hold_is_refused(tmp_path: Path) -> None:
    """SEMANTICS.md 6: "`check` and the parser refuse a window that can never hold them"."""
    rule = '[rules.hot]\ncondition = "price > 3 * mean(1h)"\ntarget = "*:*/*"\n'
    track = '[[track]]\nvenue = "kraken"\nmarkets = ["BTC/USD"]\nevery = "1h"'
    problems, _ = told(tmp_path, rule, track)
    assert "holds 1 value and needs 4" in problems["rules.hot.condition"]


TRACKS = """
[[track]]
venue = "kraken"
markets = ["BTC/USD", "ETH/USD"]
[[track]]
venue = "coinbase"
markets = ["BTC/USD"]
"""


def test_whom_nobody_can_confirm_is_listed_with_the_reason(tmp_path: Path) -> None:
    rules = "".join(
        f'[rules.{name}]\ncondition = "crosses_above(max(24h)) and confirmed_by({venue}, 1)"\n'
        f'target = "{target}"\n'
        for name, venue, target in (
            ("fine", "coinbase", "KRAKEN:BTC/USD:price"), ("part", "coinbase", "*:*/USD:price"),
            ("typo", "coinbas", "KRAKEN:*:price"),
        )
    )  # fmt: skip
    problems, warnings = told(tmp_path, rules, TRACKS)
    assert not problems
    assert warnings.keys() == {"rules.part.condition", "rules.typo.condition"}
    part, typo = (warnings[f"rules.{name}.condition"] for name in ("part", "typo"))
    assert "confirmed_by(COINBASE, 1): unknown for 2 of 3 series" in part
    assert "no venue confirms itself: COINBASE:BTC/USD:price" in part
    assert "COINBASE tracks no such pair and metric: KRAKEN:ETH/USD:price" in part
    assert "nothing is tracked at COINBAS; did you mean coinbase?" in typo


def test_a_route_to_a_channel_that_no_file_knows_is_a_warning(tmp_path: Path) -> None:
    _, warnings = told(tmp_path, "", '[routes]\ncritical = ["inbox", "phone"]')
    assert warnings.keys() == {"routes.critical[1]"}


def test_no_rules_file_is_fine_unless_one_is_named(tmp_path: Path) -> None:
    source = tmp_path / "sigmawatch.toml"
    source.write_text("", "utf-8")
    assert not foresee(load_config(source, environ={}), zones=IanaZones()).problems
    source.write_text('rules_file = "gone.toml"', "utf-8")
    found = foresee(load_config(source, environ={}), zones=IanaZones())
    assert [one.path for one in found.problems] == ["gone.toml"]
