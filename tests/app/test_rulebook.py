"""The rulebook: rules of the file, the API and the shipped ones, through one way."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.alerting.definition import RuleTable, read_definition, spelled, unspoken
from sigmawatch.app.alerting.rulebook import LOOK_AGAIN_MS, Rulebook, tag
from sigmawatch.app.alerting.rules_file import write_rules
from sigmawatch.app.alerting.scope import Kind, LiveScope
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.problems import ConfigProblems, Problem
from sigmawatch.domain.alert import Rule
from sigmawatch.domain.errors import Conflict, Edited, Invalid, NotFound
from sigmawatch.domain.market import Market
from sigmawatch.domain.rule_settings import On, RuleSettings
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import Interval

HOT: Mapping[str, Any] = {"condition": "price > 3 * mean(1h)", "target": "kraken:*/USD"}
NOW_MS = 1_795_248_000_000


def a_series(number: int, name: str, *, metric: str = "price", every: int = 60_000) -> Series:
    base, quote = name.split("/")
    market = Market(venue="KRAKEN", base=base, quote=quote, native=name)
    return Series(id=number, market=market, metric=metric, interval=Interval(every), block_id=1,
                  place=0)  # fmt: skip


def a_scope(*series: Series) -> LiveScope:
    catalogue = Catalogue()
    catalogue.put(series=series)
    lists = {"majors": Watchlist.of("majors", ["*:BTC/*"])}
    return LiveScope(
        catalogue, interval=Interval(60_000), zones=IanaZones(), watchlists=lambda: lists,
        channels=lambda: {"inbox", "phone"},
    )  # fmt: skip


SCOPE = a_scope(a_series(1, "BTC/USD"), a_series(2, "ETH/USD"), a_series(3, "BTC/EUR"))


@asynccontextmanager
async def a_book(
    folder: Path, *, file: Path | None = None, clock: VirtualClock | None = None
) -> AsyncIterator[Rulebook]:
    clock = clock or VirtualClock(NOW_MS)
    ledger = await SqliteLedger.open(folder, clock=clock)
    try:
        book = Rulebook(SCOPE, ledger=ledger, alerts=ledger.alerts, clock=clock, file=file)
        await book.recover()
        yield book
    finally:
        await ledger.close()


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Rulebook]:
    async with a_book(tmp_path) as made:
        yield made


def origins(book: Rulebook) -> dict[str, str]:
    return {rule.name: rule.origin for rule in book.all}


# What a rule is read from


def test_everything_that_is_wrong_is_told_at_once_with_its_place() -> None:
    with pytest.raises(ConfigProblems) as refused:
        read_definition("Hot!", {
            "condition": "price > 3 * medan(1h)", "target": "watchlist:major", "cooldown": "15",
            "no_data": "shout", "channels": ["phone", "fone"], "mute": "10:00-11:00 Mars/Olympus",
            "max_triggers": 0, "valid_until": "2027-01-01", "colour": "red", "note": "a\nb",
        }, scope=SCOPE)  # fmt: skip
    told = {problem.path: str(problem) for problem in refused.value.problems}
    assert told.keys() == {
        "name",
        "condition",
        "cooldown",
        "no_data",
        "max_triggers",
        "valid_until",
        "colour",
    }  # what needs the others to be read is told once they can be
    assert "did you mean median" in told["condition"]
    placed = next(one for one in refused.value.problems if one.path == "condition")
    assert placed.position == "price > 3 * medan(1h)".index("medan")
    with pytest.raises(ConfigProblems) as refused:
        read_definition("hot", {
            **HOT, "target": "watchlist:major", "channels": ["phone", "fone"], "note": "a\nb",
            "mute": ["10:00-11:00", "10:00-11:00 Mars/Olympus"], "clear": "value < 1 for 2m",
        }, scope=SCOPE, at="rules.hot.")  # fmt: skip
    told = {problem.path: str(problem) for problem in refused.value.problems}
    assert told.keys() == {"rules.hot.target", "rules.hot.channels[1]", "rules.hot.mute[1]",
                           "rules.hot.note", "rules.hot.clear"}  # fmt: skip
    assert "did you mean majors" in told["rules.hot.target"]
    assert "did you mean phone" in told["rules.hot.channels[1]"]


_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20),
    st.datetimes(), st.sampled_from(["5m", "0s", "*:*/*", "watchlist:majors", "inbox", "stale"]),
)  # fmt: skip
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)  # fmt: skip


@examples(50)
@given(st.dictionaries(st.sampled_from([*RuleTable.model_fields, "colour"]), _VALUES))
def test_whatever_a_file_says_of_a_rule_is_read_or_refused(raw: dict[str, Any]) -> None:
    """P34: "Fuzz config": nothing but a refusal that says why."""
    for table in (raw, {**HOT, **raw}):
        problems: Sequence[Problem] = ()
        try:
            settings = read_definition("hot", table, scope=SCOPE).settings
            assert settings == RuleSettings.decode(settings.encode())
        except ConfigProblems as refused:
            problems = refused.problems
        assert all(problem.path and problem.rule for problem in problems)


def test_a_rule_is_spelled_as_it_was_written_and_reads_back() -> None:
    raw = {**HOT, "clear": "value < 2 * mean(1h)", "clear_for": "2m", "cooldown": "0s",
           "reminder": "1h", "no_data": "alert", "severity": "critical", "channels": ["phone"],
           "mute": ["mon,fri 22:00-07:00 Europe/Berlin"], "max_triggers": 3,
           "valid_until": "2027-01-31T18:00:00Z", "notify_resolved": False,
           "note": 'a "quoted" \\ word', "enabled": False}  # fmt: skip
    found = read_definition("hot", raw, scope=SCOPE)
    rule = Rule(id=1, name="hot", version=1, text=found.text,
                       settings=found.settings.encode(), origin="api", enabled=found.enabled,
                       created_ms=0, made_ms=0)  # fmt: skip
    told = spelled(rule)
    assert told == {**raw, "target": ["KRAKEN:*/USD"], "no_data_for": "5m", "on": "slot"}
    assert told.keys() == RuleTable.model_fields.keys()
    assert unspoken(told).keys() == {*raw}
    assert read_definition("hot", told, scope=SCOPE) == found


def test_readings_that_can_open_nothing_are_told_of() -> None:
    """SEMANTICS.md 6: "`on: reading` evaluates each new reading"; a `for` is counted in slots."""
    found = read_definition("hot", {**HOT, "on": "reading"}, scope=SCOPE)
    assert (found.settings.on, found.warnings) == (On.READING, ())
    lasting = {**HOT, "condition": f"{HOT['condition']} for 5m", "on": "reading"}
    [warning] = read_definition("hot", lasting, scope=SCOPE).warnings
    assert (warning.path, warning.allowed) == ("on", "slot")


def test_a_window_that_can_never_hold_enough_is_refused_for_all_slots_and_told_for_some() -> None:
    """SEMANTICS.md 6: "`check` and the parser refuse a window that can never hold them"."""
    hourly = a_series(9, "BTC/USD", every=3_600_000)
    mixed = read_definition("hot", HOT, scope=a_scope(a_series(1, "BTC/USD"), hourly))
    assert [str(one) for one in mixed.warnings] == [
        "condition: not judged for price of 1h: mean(1h): holds 1 value and needs 4, use 4h or more"
    ]
    with pytest.raises(ConfigProblems, match="holds 1 value"):
        read_definition("hot", HOT, scope=a_scope(hourly))


def test_a_target_that_nothing_is_tracked_for_is_a_warning_for_it_may_come() -> None:
    found = read_definition("hot", {**HOT, "target": "krakn:*/USD"}, scope=SCOPE)
    assert [one.path for one in found.warnings] == ["target"]
    assert not read_definition("hot", HOT, scope=SCOPE).warnings


def test_a_median_over_too_many_series_is_refused() -> None:
    many = a_scope(*(a_series(number + 1, f"A{number}/USD") for number in range(1_001)))
    with pytest.raises(ConfigProblems, match=r"1,000 series, this target has 1,001"):
        read_definition("hot", {**HOT, "condition": "price > 3 * median(1h)"}, scope=many)


def test_a_scope_counts_what_a_target_means_by_kind() -> None:
    target = read_definition("hot", {**HOT, "target": "watchlist:majors"}, scope=SCOPE)
    kinds = SCOPE.kinds(target.settings.target, "price")
    assert kinds == {Kind(interval=Interval(60_000), metric="price"): 2}


# Changing


async def test_a_version_is_made_by_a_change_and_by_nothing_else(book: Rulebook) -> None:
    """SEMANTICS.md 6: "Versions are immutable"; 7: "a reload never resets an unchanged rule"."""
    first = await book.put("hot", HOT)
    again = await book.put("HOT", {**HOT, "condition": "PRICE>3*mean( 1h )  # same"})
    assert (first.new, again.new) == (True, False)
    assert again.rule == first.rule
    noted = await book.put("hot", {**HOT, "note": "look"})
    assert noted.rule.version == 2
    disabled = await book.enable("hot", enabled=False)
    assert disabled.version == 2
    assert [one.version for one in await book.versions(disabled)] == [1, 2]
    assert not book.find("hot").enabled


async def test_who_judges_is_told_of_every_change_once_it_is_durable(book: Rulebook) -> None:
    told = []

    async def tell() -> None:
        told.append({rule.name for rule in await book._alerts.rules() if rule.enabled})

    before = {rule.name for rule in book.all}
    book.tell = tell
    await book.put("hot", HOT)
    await book.put("hot", HOT)
    await book.enable("hot", enabled=False)
    await book.remove("hot")
    assert told == [before | {"hot"}, before, before]


async def test_what_another_program_on_the_database_changes_is_taken_over(book: Rulebook) -> None:
    other = Rulebook(
        SCOPE, ledger=book._ledger, alerts=book._alerts, clock=VirtualClock(NOW_MS), file=None
    )
    told = []

    async def tell() -> None:
        told.append(origins(other).keys() - {"data-stale", "price-move", "volume-surge"})

    await other.recover()
    other.tell = tell
    await book.put("hot", HOT)
    await other.follow()
    await other.follow()
    await book.remove("hot")
    await other.follow()
    assert told == [{"hot"}, set()]


async def test_of_two_edits_of_one_version_the_second_is_refused(book: Rulebook) -> None:
    made = await book.put("hot", HOT)
    read = tag(made.rule)
    await book.put("hot", {**HOT, "cooldown": "1h"}, expected=read)
    with pytest.raises(Edited):
        await book.put("hot", {**HOT, "cooldown": "2h"}, expected=read)
    with pytest.raises(Edited):
        await book.remove("hot", expected=read)
    with pytest.raises(Edited):
        await book.put("new", HOT, expected=read)
    assert '"cooldown_ms":3600000' in book.find("hot").settings


async def test_a_name_that_is_not_there_is_answered_with_near_ones(book: Rulebook) -> None:
    with pytest.raises(NotFound) as refused:
        book.find("volume-surg")
    assert "volume-surge" in refused.value.allowed


async def test_a_rule_too_many_is_refused_with_the_limit(tmp_path: Path) -> None:
    """P37: "rule count have hard limits with a clear error"."""
    path = tmp_path / "rules.toml"
    async with a_book(tmp_path, file=path) as book:
        assert book.rules_max == 10_000
        book.rules_max = 4
        await _one_too_many(book, path)


async def _one_too_many(book: Rulebook, path: Path) -> None:
    await book.put("fourth", HOT)
    with pytest.raises(Invalid, match="there are 4 rules already"):
        await book.put("fifth", HOT)
    await book.put("fourth", {**HOT, "note": "may be edited"})
    write(path, file_of(fourth=HOT, fifth=HOT))
    await look(book)
    assert "more than 4 rules" in str(book.file_problems[0])
    assert origins(book)["fourth"] == "api"


# What ships


async def test_three_rules_ship_once_and_belong_to_the_user_from_then_on(tmp_path: Path) -> None:
    """SEMANTICS.md 7: "Three rules ship, on the `_ref` volume with a floor"."""
    async with a_book(tmp_path) as book:
        assert origins(book) == dict.fromkeys(
            ("data-stale", "price-move", "volume-surge"), "shipped"
        )
        await book.put("price-move", {**spelled(book.find("price-move")), "cooldown": "1h"})
        await book.remove("volume-surge")
        await book.remove("data-stale")
        assert origins(book) == {"price-move": "api"}
        await book.remove("price-move")
    async with a_book(tmp_path) as book:
        assert not book.all


# The file


def write(path: Path, text: str) -> None:
    """As an editor does, and as if a while ago: the clock of a file system is coarse."""
    path.write_text(text, "utf-8")
    write.count = getattr(write, "count", 0) + 1  # type: ignore[attr-defined]
    os.utime(path, ns=(0, 1_000_000_000 * write.count))  # type: ignore[attr-defined]


def file_of(**rules: Mapping[str, Any]) -> str:
    return write_rules(rules.items())


async def look(book: Rulebook) -> None:
    """Long enough for a file that stands still."""
    await book.look()
    await book.look()


async def test_what_is_in_the_file_is_so_and_what_is_no_longer_in_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    write(path, file_of(hot=HOT, cold={**HOT, "condition": "price < 1"}))
    async with a_book(tmp_path, file=path) as book:
        assert {name for name, origin in origins(book).items() if origin == "file"} == {
            "hot", "cold",
        }  # fmt: skip
        hot = book.find("hot")
        write(path, file_of(hot=HOT, warm=HOT))
        await look(book)
        assert origins(book).keys() >= {"hot", "warm"}
        assert "cold" not in origins(book)
        assert book.find("hot") == hot  # "a reload never resets an unchanged rule"


async def test_what_the_file_changes_is_in_the_audit_log(tmp_path: Path) -> None:
    """SECURITY.md: "Audit log: append-only, hash-chained, who/what/when/request id/before-after
    digest". A look at a file that says the same is no change."""
    path = tmp_path / "rules.toml"
    write(path, file_of(hot=HOT, cold=HOT))
    clock = VirtualClock(NOW_MS)
    async with a_book(tmp_path, file=path, clock=clock) as book:
        write(path, file_of(hot={**HOT, "cooldown": "30m"}))
        await look(book)
        await look(book)
    ledger = await SqliteLedger.open(tmp_path, clock=clock)
    try:
        deeds = [row.deed for row in reversed(await ledger.access.audit())]
    finally:
        await ledger.close()
    assert [(one.who, one.what, one.about) for one in deeds] == [
        ("program", "rule.put", "rule hot, by rules.toml"),
        ("program", "rule.put", "rule cold, by rules.toml"),
        ("program", "rule.put", "rule hot, by rules.toml"),
        ("program", "rule.remove", "rule cold, by rules.toml"),
    ]
    made, _, changed, removed = deeds
    assert (made.before, removed.after) == ("", "")
    assert changed.before == made.after != changed.after


async def test_what_the_file_defines_is_read_only_elsewhere_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    write(path, file_of(hot=HOT))
    async with a_book(tmp_path, file=path) as book:
        for change in (book.put("hot", HOT), book.enable("hot", enabled=False),
                       book.remove("hot")):  # fmt: skip
            with pytest.raises(Conflict, match=r"defined by rules\.toml; change it there"):
                await change
        write(path, file_of(hot={**HOT, "enabled": False}))
        await look(book)
        assert not book.find("hot").enabled


async def test_a_rule_that_moves_into_the_file_keeps_its_version_and_state(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    async with a_book(tmp_path, file=path) as book:
        made = (await book.put("hot", HOT)).rule
        write(path, file_of(hot=unspoken(spelled(made))))
        await look(book)
        now = book.find("hot")
        assert (now.id, now.version, now.origin) == (made.id, made.version, "file")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[rules.hot\n", "is not TOML"),
        ('[rule.hot]\ncondition = "stale"', "has 'rule' at its top"),
        ('rules = ["hot"]', "no tables"),
        ("[rules.'a b']\ncondition='stale'\ntarget='*'", "no name of a rule"),
        ("[rules.hot]\ncondition='stale'\ntarget='*'\n[rules.HOT]\ncondition='stale'", "twice"),
    ],
)
async def test_a_file_that_says_nothing_clear_changes_nothing_and_is_told(
    tmp_path: Path, text: str, said: str
) -> None:
    """P34: "Bad configuration or rule never stops a running process"."""
    path = tmp_path / "rules.toml"
    write(path, file_of(hot=HOT))
    async with a_book(tmp_path, file=path) as book:
        before = book.all
        write(path, text)
        await look(book)
        assert book.all == before
        assert said in str(book.file_problems[0])
        write(path, file_of(hot=HOT))
        await look(book)
        assert not book.file_problems


async def test_one_broken_rule_does_not_stop_the_others_and_stands_as_it_was(
    tmp_path: Path,
) -> None:
    """P34: "one broken rule never stops the others; error shown at the rule"."""
    path = tmp_path / "rules.toml"
    write(path, file_of(hot=HOT, cold={**HOT, "condition": "price < 1"}))
    async with a_book(tmp_path, file=path) as book:
        hot = book.find("hot")
        write(path, file_of(hot={**HOT, "condition": "price > 3 * mean(1x)"},
                            cold={**HOT, "condition": "price < 2"}))  # fmt: skip
        await look(book)
        assert book.find("hot") == hot
        assert book.find("cold").text == "price < 2"
        [problem] = book.problems(hot)
        assert problem.path == "rules.hot.condition"
        assert not book.problems(book.find("cold"))


async def test_a_file_that_is_gone_takes_no_rule_with_it(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    write(path, file_of(hot=HOT))
    async with a_book(tmp_path, file=path) as book:
        path.unlink()
        await look(book)
        assert "hot" in origins(book)
        assert "leave an empty file" in str(book.file_problems[0])
    async with a_book(tmp_path, file=path) as book:
        assert "hot" in origins(book)
        assert book.file_problems
        write(path, "")
        await look(book)
        assert "hot" not in origins(book)
        assert not book.file_problems


async def test_a_file_is_not_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    write(path, file_of(hot=HOT, cold=HOT))
    async with a_book(tmp_path, file=path) as book:
        for text in (file_of(hot=HOT), "[rules", file_of(hot=HOT, cold=HOT)):
            write(path, text)
            await book.look()  # it has just changed
        await book.look()
        assert origins(book).keys() >= {"hot", "cold"}
        assert len(await book.versions(book.find("cold"))) == 1


async def test_a_file_with_problems_is_looked_at_again_for_what_it_names_may_come(
    tmp_path: Path,
) -> None:
    path, clock = tmp_path / "rules.toml", VirtualClock(NOW_MS)
    write(path, file_of(hot={**HOT, "target": "watchlist:later"}))
    async with a_book(tmp_path, file=path, clock=clock) as book:
        assert "hot" not in origins(book)
        lists = {"later": Watchlist.of("later", ["*:BTC/*"])}
        book.scope = LiveScope(
            Catalogue(), interval=Interval(60_000), zones=IanaZones(), watchlists=lambda: lists,
            channels=set,
        )  # fmt: skip
        await book.look()
        assert "hot" not in origins(book)
        await clock.advance_to_ms(NOW_MS + LOOK_AGAIN_MS)
        await book.look()
        assert "hot" in origins(book)
