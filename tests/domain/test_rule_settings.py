"""What a rule says beside its condition: as a value, as JSON, as series."""

from __future__ import annotations

import json

import pytest

from sigmawatch.domain.alert import Severity
from sigmawatch.domain.alert_policy import NoData, Policy
from sigmawatch.domain.calendar import parse_calendar
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market
from sigmawatch.domain.rule_settings import On, RuleSettings, channel_name, rule_name
from sigmawatch.domain.rule_target import Target, parse_target
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)
EVERYTHING = parse_target(["*:*/*"])
FULL = RuleSettings(
    target=parse_target(["kraken:*/usd", "watchlist:Majors"]), clear="value < 2",
    clear_for_ms=60_000,
    cooldown_ms=0, reminder_ms=3_600_000, no_data=NoData.ALERT, no_data_for_ms=600_000,
    severity=Severity.CRITICAL, channels=("phone", "team"),
    mute=(parse_calendar("sat,sun 00:00-24:00 Europe/Berlin"),), max_triggers=3,
    valid_until_ms=1_900_000_000_000, notify_resolved=False, on=On.READING, note="größer als sonst",
)  # fmt: skip


def a_series(name: str, *, metric: str = "price") -> Series:
    venue, pair = name.split(":")
    base, quote = pair.split("/")
    market = Market(venue=venue, base=base, quote=quote, native=pair)
    return Series(id=1, market=market, metric=metric, interval=MINUTE, block_id=1, place=0)


@pytest.mark.parametrize("settings", [FULL, RuleSettings(target=EVERYTHING)])
def test_settings_are_a_json_object_that_reads_back(settings: RuleSettings) -> None:
    assert RuleSettings.decode(settings.encode()) == settings


def test_every_setting_is_stored_so_that_a_later_default_changes_no_stored_version() -> None:
    stored = json.loads(RuleSettings(target=EVERYTHING).encode())
    assert stored["cooldown_ms"] == 15 * MINUTE_MS  # "`cooldown` (15 min)"
    assert stored["no_data"] == "keep"  # "`no_data` = keep | alert | ok (keep)"
    assert stored["notify_resolved"] is True
    assert len(stored) == 15


def test_equal_settings_are_equal_text() -> None:
    one = RuleSettings(target=parse_target(["KRAKEN:*/USD", "kraken:*-usd"]))
    assert one.encode() == RuleSettings(target=parse_target([" kraken:*/usd "])).encode()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", "{}", '{"target":1}', '{"target":["*:*/*"],"sound":"loud"}',
     '{"target":["*:*/*"],"severity":"mild"}', '{"target":["*:*/*"],"mute":["noon"]}'],
)  # fmt: skip
def test_what_is_no_settings_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        RuleSettings.decode(text)


def test_settings_of_an_older_program_have_the_defaults_for_what_it_did_not_know() -> None:
    assert RuleSettings.decode('{"target":["*:*/*"]}') == RuleSettings(target=EVERYTHING)


def test_states_live_by_the_settings_and_by_the_conditions_for() -> None:
    assert FULL.policy(MINUTE, for_ms=120_000) == Policy(
        interval=MINUTE, for_ms=120_000, clear_for_ms=60_000, cooldown_ms=0, reminder_ms=3_600_000,
        no_data=NoData.ALERT, no_data_for_ms=600_000, max_triggers=3,
        valid_until_ms=1_900_000_000_000, notify_resolved=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("cooldown_ms", -1), ("reminder_ms", 8 * DAY_MS), ("max_triggers", 0), ("note", "x" * 501),
     ("note", "one\r\ntwo"), ("channels", ("a",) * 21),
     ("mute", (parse_calendar("10:00-11:00"),) * 21)],
)  # fmt: skip
def test_a_setting_out_of_its_bounds_is_refused_by_its_name(field: str, wrong: object) -> None:
    with pytest.raises(Invalid) as refused:
        RuleSettings(target=EVERYTHING, **{field: wrong})  # type: ignore[arg-type]
    assert refused.value.field == field.removesuffix("_ms")


@pytest.mark.parametrize("text", ["", "-x", "a b", "ä", "x" * 65, "a/b", "a\nb"])
def test_a_name_that_could_not_stand_in_a_file_or_an_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        rule_name(text)
    with pytest.raises(Invalid):
        channel_name(text)
    assert rule_name(" Volume-Surge_2 ") == "volume-surge_2"


# Targets


def test_a_target_is_printed_back_and_each_item_stands_once() -> None:
    target = parse_target(["watchlist:Majors", "kraken:xbt-usd", "BTC/USD", "KRAKEN:BTC/USD"])
    assert target.items == ("KRAKEN:BTC/USD", "*:BTC/USD", "watchlist:majors")
    assert parse_target(target.items) == target


@pytest.mark.parametrize("items", [[], [""], ["kraken"], ["watchlist:"], ["watchlist:a b"],
                                   ["a:b/c:nothing"], ["*:*/*", "a/b/c"]])  # fmt: skip
def test_what_names_nothing_is_refused_as_a_target(items: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        parse_target(items)
    assert refused.value.field == "target"
    assert refused.value.allowed


@pytest.mark.parametrize(
    ("items", "metric", "meant"),
    [
        (["kraken:*/USD"], None, {"KRAKEN:BTC/USD price", "KRAKEN:BTC/USD trades"}),
        (["kraken:*/USD"], "price", {"KRAKEN:BTC/USD price"}),
        (["kraken:*/USD:trades"], None, {"KRAKEN:BTC/USD trades"}),
        (["kraken:*/USD:trades"], "price", {"KRAKEN:BTC/USD price"}),  # of that market
        (["watchlist:majors"], "price", {"KRAKEN:BTC/USD price", "COINBASE:BTC/EUR price"}),
        (["watchlist:gone"], None, set()),
        (["watchlist:gone", "coinbase:*"], None, {"COINBASE:BTC/EUR price"}),
    ],
)
def test_a_rule_is_about_its_metric_of_the_targets_markets_or_about_the_targets_series(
    items: list[str], metric: str | None, meant: set[str]
) -> None:
    watchlists = {"majors": Watchlist.of("majors", ["*:BTC/*:price"])}
    target = parse_target(items)
    series = [a_series("KRAKEN:BTC/USD"), a_series("KRAKEN:BTC/USD", metric="trades"),
              a_series("COINBASE:BTC/EUR")]  # fmt: skip
    found = {
        f"{one.market.name} {one.metric}"
        for one in series
        if target.names(one, watchlists=watchlists, metric=metric)
    }
    assert found == meant


def test_a_target_has_a_limit() -> None:
    items = [f"kraken:a{number}/usd" for number in range(1_001)]
    with pytest.raises(Invalid, match="1,000"):
        parse_target(items)
    assert isinstance(parse_target(items[1:]), Target)
