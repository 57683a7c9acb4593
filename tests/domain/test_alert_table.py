"""Every row of the table in SEMANTICS.md 7, quoted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.domain.alert_stories import START, a_policy, live, said

from sigmawatch.domain.alert_life import step
from sigmawatch.domain.alert_policy import MAX_LATENESS_MS, NoData, Policy
from sigmawatch.domain.alert_state import NO_HOLD, Hold, State, due
from sigmawatch.domain.alert_turn import Reason, Truth
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, Interval

FIRING, RESOLVED = "firing", "resolved"


def test_warmup_ends_where_enough_is_known() -> None:
    """"warmup | coverage reached | ok"; and nothing that fires there is lost."""  # fmt: skip
    story = live("UUUC")
    assert story.line == "wwwo"
    assert story.reasons == [Reason.UNKNOWN] * 3 + [Reason.COVERED]
    assert live("UUT").told == [(2, FIRING)]


def test_true_fires_at_once_without_a_for() -> None:
    """"ok | true, `for` = 0 | firing | open episode, notice *firing*"."""  # fmt: skip
    story = live("CT")
    assert story.line == "of"
    assert story.told == [(1, FIRING)]
    [(_, account)] = story.accounts
    assert (account.opened, account.closed) == (START + 1, None)
    assert story.reasons[-1] is Reason.TRUE


def test_true_is_pending_first_with_a_for() -> None:
    """"ok | true, `for` > 0 | pending (since slot open)"."""  # fmt: skip
    story = live("CT", a_policy(for_=2))
    assert story.line == "op"
    assert story.state.since == START + 1
    assert story.told == []


def test_pending_fires_once_it_was_true_for_so_long() -> None:
    """ "pending | true for `for` | firing | open episode, notice *firing*"; `rules test`: pending
    at 01:01 and `for 2m` is firing at 01:03."""
    story = live("CTTTT", a_policy(for_=2))
    assert story.line == "oppff"
    assert story.told == [(3, FIRING)]
    assert story.accounts[0][1].opened == START + 3


@pytest.mark.parametrize("end", ["C", "B", "UUU"])
def test_pending_that_ends_is_history(end: str) -> None:
    """"pending | false; or unknown for > 2 slots | ok | history "almost""."""  # fmt: skip
    story = live("CTT" + end, a_policy(for_=5))
    assert story.phase == "ok"
    assert story.almosts == [1]
    assert (story.told, story.accounts) == ([], [])


def test_firing_ends_where_the_clear_condition_holds() -> None:
    """"firing | clear holds | cooldown | close episode, notice *resolved*"."""  # fmt: skip
    story = live("CTTC")
    assert story.line == "offz"
    assert story.told == [(1, FIRING), (3, RESOLVED)]
    _, account = story.accounts[-1]
    assert (account.closed, account.reason) == (START + 3, Reason.CLEARED)


def test_firing_recovers_first_with_a_clear_for() -> None:
    """ "(for `clear_for`: via recovering)"; "recovering | `clear_for` over | cooldown | close
    episode, notice *resolved*"."""
    story = live("TCCCC", a_policy(clear_for=2))
    assert story.line == "frrzz"
    assert story.told == [(0, FIRING), (3, RESOLVED)]


@pytest.mark.parametrize("word", ["T", "B"])
def test_firing_stays_in_the_band(word: str) -> None:
    """"firing | in the band between condition and clear, or true | firing"."""  # fmt: skip
    story = live("T" + 30 * word)
    assert story.line == 31 * "f"
    assert story.told == [(0, FIRING)]


def test_what_is_true_is_not_clear_whatever_a_clear_condition_of_its_own_says() -> None:
    """ "firing | ... or true | firing"."""
    firing = live("T").state
    both = replace(said("T"), clear=Truth.TRUE)
    assert step(firing, both, slot=START + 1, policy=a_policy()).state == firing


def test_a_reminder_is_told_when_due() -> None:
    """"*reminder* when due, not acknowledged or muted"."""  # fmt: skip
    policy = a_policy(reminder=3)
    assert live("TTTTBBBBC", policy).told == [
        (0, FIRING), (3, "reminder"), (6, "reminder"), (8, RESOLVED)
    ]  # fmt: skip
    seen = live("TTTTTTTTC", policy, events={4: {"acknowledged": True}})
    assert seen.told == [(0, FIRING), (3, "reminder"), (8, RESOLVED)]
    muted = live("TTTTTTTTC", policy, held=[NO_HOLD] * 2 + [Hold.MUTED] * 3)
    assert muted.told == [(0, FIRING), (6, "reminder"), (8, RESOLVED)]


def test_an_acknowledgement_is_of_this_episode() -> None:
    """ "acknowledge stops reminders of this episode"."""
    line = "TT" + "C" * 16 + "TTTT"
    story = live(line, a_policy(reminder=3), events={1: {"acknowledged": True}})
    assert story.told == [(0, FIRING), (2, RESOLVED), (18, FIRING), (21, "reminder")]


@pytest.mark.parametrize("word", ["T", "B", "UUU"])
def test_recovering_is_firing_again_where_it_does_not_stay_clear(word: str) -> None:
    """ "recovering | clear no longer holds | firing"."""
    story = live("TCC" + word + "CC", a_policy(clear_for=4))
    assert story.line[:3] == "frr"
    assert story.line[2 + len(word)] == "f"
    assert story.told == [(0, FIRING)]
    assert story.line[-2:] == "rr"


def test_true_again_in_the_cooldown_reopens_and_is_not_told() -> None:
    """ "cooldown | true (and `for` satisfied) | reopened | same episode, counted and shown, not
    notified"."""
    story = live("TCCT")
    assert story.line == "fzz?"
    assert story.told == [(0, FIRING), (1, RESOLVED)]
    _, account = story.accounts[-1]
    assert (account.opened, account.closed, account.reopened) == (START, None, 1)

    waits = live("TTTCTTTB", a_policy(for_=2))
    assert waits.line == "ppfzzz??"


def test_a_cooldown_ends() -> None:
    """ "cooldown | cooldown over | ok", and it always runs."""
    for word in "BCU":
        story = live("TC" + 15 * word)
        assert story.line == "f" + 15 * "z" + "o"
        assert story.state.at_rest


def test_what_is_true_when_the_cooldown_ends_is_a_new_episode() -> None:
    """Half open: the slot with which it ends is not in it; what fires there is not lost."""
    story = live("TC" + 14 * "C" + "T")
    assert story.line == "f" + 15 * "z" + "f"
    assert story.told == [(0, FIRING), (1, RESOLVED), (16, FIRING)]
    assert [one.opened - START for _, one in story.accounts] == [0, 0, 16]


def test_what_was_true_for_a_while_when_the_cooldown_ends_goes_on_to_be() -> None:
    """ "pending (since slot open)": since it is true, not since the cooldown is over."""
    story = live("TTTC" + 13 * "C" + "TTTT", a_policy(for_=2))
    assert story.line == "ppf" + 15 * "z" + "pff"
    assert story.told[-1] == (19, FIRING)


def test_reopened_at_the_end_of_the_cooldown_is_told_once() -> None:
    """ "reopened | cooldown over, not clear | firing | one notice "active again, reopened k
    times""; "A condition true again in cooldown is announced when it ends"."""
    for word in "TB":
        story = live("TCTCT" + 20 * word)
        assert story.line == "fz?z" + 12 * "?" + 9 * "f"
        assert story.told == [(0, FIRING), (1, RESOLVED), (16, "active_again")]
        assert story.tellings[-1][1].reopened == 2


def test_reopened_that_clears_cools_down_and_no_longer_than_before() -> None:
    """ "reopened | clear | cooldown (not extended)"."""
    story = live("TCCTTC" + 12 * "C")
    assert story.line == "fzz??" + 11 * "z" + "oo"
    assert story.told == [(0, FIRING), (1, RESOLVED)]
    assert story.accounts[-1][1].closed == START + 5


FLAPPING = "TC" + 5 * "TC"


def test_five_reopenings_within_an_hour_are_told_once_then_every_hour() -> None:
    """ "any | 5 reopenings in 1 h | + flapping flag | one notice, then an hourly summary until 1 h
    is quiet"."""
    policy = a_policy(cooldown=180)
    story = live(FLAPPING + 120 * "C", policy)
    assert story.told == [(0, FIRING), (1, RESOLVED), (10, "flapping")]
    assert not story.state.flapping

    story = live(FLAPPING + 20 * "C" + "TC" + 120 * "C", policy)
    assert story.told == [(0, FIRING), (1, RESOLVED), (10, "flapping"), (70, "summary")]

    calm = live("TC" + 4 * "TC" + 52 * "C" + "TC", policy)
    assert calm.told == [(0, FIRING), (1, RESOLVED)]
    assert calm.state.reopenings[0] == START + 2
    assert live("TC" + 4 * "TC" + 51 * "C" + "TC", policy).told[-1] == (61, "flapping")


def test_an_end_that_is_told_late_takes_the_hours_place_of_flapping() -> None:
    """ "<= 2 x ceil(60 min / cooldown) + 1": else it would be one more."""
    held = [NO_HOLD, Hold.MUTED, Hold.MUTED]
    story = live("TCTC" + 4 * "TC" + 60 * "C", a_policy(cooldown=60), held=held)
    assert story.told == [(0, FIRING), (3, RESOLVED), (63, "flapping")]


def test_two_unknown_slots_change_nothing_and_stop_the_clock_of_for() -> None:
    """ "any | unknown <= 2 slots | unchanged | `for`, `clear_for` freeze; cooldown always runs"."""
    pending = live("CTTUUTT", a_policy(for_=3))
    assert pending.line == "opppppf"
    recovering = live("TCCUUCC", a_policy(clear_for=3))
    assert recovering.line == "frrrrrz"
    for line in ("TUU", "TCUU", "TCTUU", "UU", "CUU"):
        story = live(line)
        assert len(set(story.phases[-3:])) == 1


def test_three_unknown_slots_end_the_clock_of_for_in_a_cooldown_too() -> None:
    story = live("TTTC T UUU TTT", a_policy(for_=2))
    assert story.line == "ppfzzzzzzz?"
    assert live("TTTC T UU TTT", a_policy(for_=2)).line == "ppfzzzzz??"


def test_a_cooldown_that_ends_while_nothing_is_known_waits_for_a_word_two_slots_long() -> None:
    """ "unknown <= 2 slots | unchanged" and "reopened | cooldown over, not clear | firing": what
    reopened and was not seen to clear is told."""
    story = live("TCT" + 12 * "T" + "UUUUU")
    assert story.line == "fz" + 15 * "?" + "fff"
    assert story.told[-1] == (17, "active_again")
    waits = live("TCT" + 12 * "T" + "UU").state
    assert due(waits, a_policy()) == START + 17


@pytest.mark.parametrize(
    ("policy", "line", "told"),
    [
        (NoData.KEEP, 9 * "f", [(0, FIRING)]),
        (NoData.ALERT, 9 * "f", [(0, FIRING), (6, "no_data")]),
        (NoData.OK, "ffffffzzz", [(0, FIRING), (6, "no_data")]),
    ],
)
def test_what_nothing_is_known_of_for_long_goes_by_policy(
    policy: NoData, line: str, told: list[tuple[int, str]]
) -> None:
    """ "firing ... | unknown for `no_data_for` | by policy"; 5 min by default."""
    story = live("T" + 8 * "U", a_policy(no_data=policy))
    assert story.line == line
    assert story.told == told


def test_missing_data_is_told_of_again_only_after_there_was_some() -> None:
    story = live("TUUUUUUUTUUUUUUU", a_policy(no_data=NoData.ALERT))
    assert story.told == [(0, FIRING), (6, "no_data"), (14, "no_data")]


@pytest.mark.parametrize("before", ["T", "TC", "TCT"])
def test_an_edit_leaves_open_what_is_true_by_the_new_condition(before: str) -> None:
    """ "any | condition edited | true now: episode stays open"."""
    line = "C" + before + "T"
    story = live(line, a_policy(clear_for=3 if before == "TC" else 0),
                 events={len(line) - 1: {"edited": True}})  # fmt: skip
    assert story.phase in ("firing", "reopened")
    assert len({one.opened for _, one in story.accounts}) == 1
    assert story.accounts[-1][1].closed is None


@pytest.mark.parametrize(("word", "phase"), [("C", "ok"), ("B", "ok"), ("U", "warmup")])
def test_an_edit_closes_what_is_not(word: str, phase: str) -> None:
    """ "else closed with reason"."""
    story = live("CT" + word, events={2: {"edited": True}})
    assert story.phase == phase
    assert story.told == [(1, FIRING), (2, RESOLVED)]
    _, account = story.accounts[-1]
    assert (account.closed, account.reason) == (START + 2, Reason.EDITED)
    assert story.reasons[-1] is Reason.EDITED
    assert story.state.at_rest


def test_an_edit_starts_the_clock_of_for_anew_and_lets_a_cooldown_run() -> None:
    assert live("CTTTTT", a_policy(for_=3), events={3: {"edited": True}}).line == "oppppp"
    assert live("TCCCCC", a_policy(cooldown=3), events={3: {"edited": True}}).line == "fzzzoo"


ENDED = [Reason.DISABLED, Reason.DELETED, Reason.EXPIRED, Reason.DELISTED]


@pytest.mark.parametrize("reason", ENDED)
def test_what_is_no_more_is_closed_and_told_only_where_its_start_was(reason: Reason) -> None:
    """ "any | disabled, deleted, expired, delisted | ok / gone | close with reason; *resolved* only
    if *firing* was sent"."""
    told = live("CTT", events={2: {"ended": reason}})
    assert told.told == [(1, FIRING), (2, RESOLVED)]
    assert told.accounts[-1][1].reason is reason
    assert told.state == State()
    untold = live("CTT", held=[Hold.LATE] * 3, events={2: {"ended": reason}})
    assert untold.told == []
    assert untold.accounts[-1][1].closed == START + 2
    over = live("CTCC", events={3: {"ended": reason}})
    assert over.told == [(1, FIRING), (2, RESOLVED)]
    assert over.accounts[-1][0] == 2
    for line in ("U", "C", "TT"):
        quiet = live(line, a_policy(for_=5), events={len(line) - 1: {"ended": reason}})
        assert (quiet.told, quiet.accounts) == ([], [])


@pytest.mark.parametrize(("hold", "told"), [(Hold.LATE, [RESOLVED]), (Hold.MUTED, [])])
def test_an_end_for_good_is_told_though_late_and_not_though_muted(
    hold: Hold, told: list[str]
) -> None:
    """There is no state left that could make it good later."""
    story = live("CTT", held=[NO_HOLD] * 2 + [hold], events={2: {"ended": Reason.DELISTED}})
    assert [kind for _, kind in story.told] == [FIRING, *told]


def test_a_rule_is_valid_until_a_moment() -> None:
    """ "`valid_until`"; from there on nothing is judged."""
    story = live("CTTT", a_policy(valid_until_ms=(START + 3) * MINUTE_MS))
    assert story.told == [(1, FIRING), (3, RESOLVED)]
    assert story.reasons[-1] is Reason.EXPIRED
    assert live("TTTT", a_policy(valid_until_ms=START * MINUTE_MS)).accounts == []


def test_a_rule_triggers_as_often_as_it_may() -> None:
    """ "`max_triggers`": episodes of one state; reopenings are of the same one."""
    line = "TCC TCC TCC T"
    assert live(line, a_policy(max_triggers=2, cooldown=1)).told == [
        (0, FIRING), (1, RESOLVED), (3, FIRING), (4, RESOLVED)
    ]  # fmt: skip
    story = live(line, a_policy(max_triggers=2, cooldown=1))
    assert story.reasons[-1] is Reason.SPENT
    assert len(live(line, a_policy(cooldown=1)).accounts) == 7
    once = live("TCT" + 14 * "T", a_policy(max_triggers=1))
    assert once.told[-1] == (16, "active_again")


def test_who_wants_no_resolved_gets_none_and_everything_else() -> None:
    """ "`notify_resolved` (true)"."""
    story = live("TCT" + 14 * "T" + "C", a_policy(notify_resolved=False))
    assert story.told == [(0, FIRING), (16, "active_again")]


# What is held back

HOLDS = [Hold.MUTED, Hold.SILENCED, Hold.SUPPRESSED, Hold.LATE, Hold.MUTED | Hold.LATE]


@pytest.mark.parametrize("hold", HOLDS)
def test_what_still_fires_when_a_hold_ends_is_told_once(hold: Hold) -> None:
    """ "When a mute, silence or suppression ends, what still fires is sent once ("since ...")";
    "Still true: always sent, once ("since hh:mm, while the tracker was down")"."""
    story = live("CTTTTT", held=[hold] * 4)
    [(at, telling)] = story.tellings
    assert (at, telling.kind, telling.opened) == (4, FIRING, START + 1)
    assert telling.withheld == hold
    assert live("CTTTTT").tellings[0][1].withheld == NO_HOLD


@pytest.mark.parametrize("hold", HOLDS)
def test_what_came_and_went_under_a_hold_is_history_only(hold: Hold) -> None:
    """ "Closed while down and older than `max_lateness` (15 min): history only"."""
    story = live("CTTCC" + 20 * "C", held=[hold] * 8)
    assert story.told == []
    assert story.accounts[-1][1].closed == START + 3
    assert story.state.at_rest


@pytest.mark.parametrize("hold", HOLDS)
def test_what_was_told_and_ended_under_a_hold_is_told_when_it_is_over(hold: Hold) -> None:
    """ "Announced before, now false: *resolved* is sent"."""
    story = live("TTC" + 30 * "C", held=[NO_HOLD] + 25 * [hold])
    assert story.told == [(0, FIRING), (26, RESOLVED)]
    assert story.tellings[-1][1].withheld == hold
    assert story.line[17] == "o"
    assert not story.state.owes


def test_an_older_episode_whose_end_was_withheld_ends_before_the_newer_begins() -> None:
    story = live("TTC" + 20 * "C" + "TTT", held=[NO_HOLD] + 23 * [Hold.MUTED])
    assert [(at, str(one.kind), one.opened - START) for at, one in story.tellings] == [
        (0, FIRING, 0), (24, RESOLVED, 0), (24, FIRING, 23)
    ]  # fmt: skip


def test_what_begins_with_the_end_of_a_hold_was_not_withheld() -> None:
    story = live("CCT", held=[Hold.MUTED] * 2)
    assert story.tellings[0][1].withheld == NO_HOLD


def test_notices_of_an_episode_are_numbered() -> None:
    story = live("TCT" + 14 * "T" + "TTTC", a_policy(reminder=2))
    assert [(str(one.kind), one.ordinal) for _, one in story.tellings] == [
        (FIRING, 0), (RESOLVED, 1), ("active_again", 2), ("reminder", 3), (RESOLVED, 4)
    ]  # fmt: skip


# Settings


def test_the_defaults_are_those_of_the_text() -> None:
    """ "`cooldown` (15 min), `reminder` (off), `no_data` = keep | alert | ok (keep) with
    `no_data_for` (5 min), ... `notify_resolved` (true)"; "`max_lateness` (15 min)"."""
    policy = a_policy()
    assert policy.cooldown_ms == MAX_LATENESS_MS == 15 * MINUTE_MS
    assert (policy.reminder_ms, policy.no_data, policy.no_data_for_ms) == (0, "keep", 300_000)
    assert policy.notify_resolved
    assert (policy.max_triggers, policy.valid_until_ms) == (None, None)


@pytest.mark.parametrize(("cooldown", "most"), [(15, 9), (60, 3), (25, 7), (90, 3), (1, 121)])
def test_how_many_notices_an_hour_follows_from_the_cooldown(cooldown: int, most: int) -> None:
    """ "Notices per state and hour, reminders apart, <= 2 x ceil(60 min / cooldown) + 1"."""
    assert a_policy(cooldown=cooldown).notices_an_hour_max == most


@pytest.mark.parametrize(
    "settings", [{"for_": -1}, {"cooldown": 7 * 24 * 60 + 1}, {"max_triggers": 0}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(Invalid) as refused:
        a_policy(**settings)
    assert refused.value.field in {"for", "cooldown", "max_triggers"}


def test_a_span_that_is_no_whole_number_of_slots_takes_the_last_one_whole() -> None:
    assert Policy(interval=Interval(HOUR_MS)).slots(15 * MINUTE_MS) == 1
