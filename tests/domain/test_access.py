"""Users, keys and the audit log as values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.account import Session, new_password, user_name
from sigmawatch.domain.api_key import ApiKey, id_of, written
from sigmawatch.domain.audit import FIRST, OURSELVES, Row, Verifier
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import DAY_MS, HOUR_MS

numbers = st.integers(min_value=0, max_value=2**256 - 1)


@given(numbers, numbers)
def test_a_key_as_written_names_its_id(id_number: int, secret: int) -> None:
    token = written(id_number=id_number, secret_number=secret)
    assert token.startswith("sw_")
    assert id_of(token) == token[3:15]


@given(numbers, numbers)
def test_every_secret_is_another_key(secret: int, other: int) -> None:
    """256 bits: none is lost on the way into letters."""
    keys = {written(id_number=1, secret_number=one) for one in (secret, other)}
    assert len(keys) == len({secret, other})


@given(numbers, st.integers(min_value=0, max_value=65), st.sampled_from("aZ9_ \N{DIGIT ONE}é"))
def test_a_key_with_one_letter_changed_is_no_key(secret: int, place: int, letter: str) -> None:
    """SECURITY.md, S02: "truncated" and the like end before anything is looked up."""
    token = written(id_number=secret >> 7, secret_number=secret)
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or id_of(changed) is None
    assert id_of(token[:-1]) is None
    assert id_of(token + letter) is None


def test_a_session_ends_idle_or_old() -> None:
    # SECURITY.md: "idle 12 h, absolute 7 days"
    session = Session(hash=b"", user_id=1, address="", made_ms=0, used_ms=0)
    assert session.holds(12 * HOUR_MS - 1)
    assert not session.holds(12 * HOUR_MS)
    late = replace(session, used_ms=7 * DAY_MS - 1)
    assert late.holds(7 * DAY_MS - 1)
    assert not late.holds(7 * DAY_MS)
    assert not replace(session, ended_ms=1).holds(2)


def test_a_key_is_good_until_it_ends_or_is_revoked() -> None:
    key = ApiKey(id="a", name="n", user_id=None, digest=b"", scopes=frozenset({Scope.ADMIN}),
                 made_ms=0, expires_ms=10)  # fmt: skip
    assert key.holds(9)
    assert not key.holds(10)
    assert not replace(key, revoked_ms=5).holds(5)
    assert replace(key, revoked_ms=8).holds(7)  # a rotated key goes on for a while
    with pytest.raises(Invalid):
        replace(key, expires_ms=0)


@pytest.mark.parametrize("text", ["Ada", " ada@example.org ", "a-1.b+c"])
def test_a_users_name_is_folded(text: str) -> None:
    assert user_name(text) == text.strip().lower()


@pytest.mark.parametrize("text", ["", "-ada", "ada smith", "a" * 65, "ada\nb", "ädä", "../x"])
def test_what_could_not_be_a_name_is_refused_with_what_can(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        user_name(text)
    assert "letters" in refused.value.allowed


@pytest.mark.parametrize(
    "text", ["short", "x" * 257, "ada-ada-ada-ada-ada"[:12], "aaaaaaaaaaaaaaa", "lovelace1815"]
)
def test_a_weak_password_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        new_password(text, name="lovelace" if "love" in text else "ada")
    assert text not in str(refused.value)


def test_a_password_is_the_same_from_every_keyboard() -> None:
    decomposed = "cafe\N{COMBINING ACUTE ACCENT} correct horse"
    assert new_password(decomposed, name="x1") == new_password("café correct horse", name="x1")


def a_log(count: int) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, count + 1):
        before = rows[-1].hash if rows else FIRST
        deed = OURSELVES.did("rule.put", f"rule {number}", after={"text": number})
        rows.append(Row.after(before, deed, number=number, at_ms=1_000 * number))
    return rows


def verified(rows: list[Row], *, written: int) -> tuple[int, int | None]:
    verifier = Verifier()
    verifier.feed(rows)
    found = verifier.ended(written=written)
    return found.count, found.wrong


def test_a_log_as_it_was_written_is_found_good() -> None:
    assert verified(a_log(5), written=5) == (5, None)
    assert verified([], written=0) == (0, None)


@given(st.integers(min_value=1, max_value=7), st.sampled_from(
    ["at_ms", "who", "what", "about", "request_id", "before", "after", "hash"]))  # fmt: skip
def test_a_changed_row_is_named(number: int, column: str) -> None:
    # SECURITY.md, S55: "Tamper with one audit row | verify command names the row"
    rows = a_log(7)
    row = rows[number - 1]
    if column == "at_ms":
        row = replace(row, at_ms=row.at_ms + 1)
    elif column == "hash":
        row = replace(row, hash=bytes(32))
    else:
        row = replace(row, deed=replace(row.deed, **{column: "another"}))
    rows[number - 1] = row
    assert verified(rows, written=7) == (number - 1, number)


def test_a_row_that_was_written_anew_with_its_hash_breaks_the_chain_after_it() -> None:
    rows = a_log(4)
    forged = replace(rows[1].deed, who="somebody else")
    rows[1] = Row.after(rows[0].hash, forged, number=2, at_ms=rows[1].at_ms)
    assert verified(rows, written=4) == (2, 3)


def test_rows_that_were_taken_out_are_missed_wherever_they_stood() -> None:
    rows = a_log(4)
    assert verified(rows[1:], written=4) == (0, 1)
    assert verified(rows[:1] + rows[2:], written=4) == (1, 2)
    assert verified(rows[:3], written=4) == (3, 4)


def test_what_strangers_write_stays_one_line_in_the_log() -> None:
    # SECURITY.md, S23: "Log injection: newline, ANSI escapes, 1 MB field | one escaped, clipped
    # line"
    deed = OURSELVES.did("rule.put", "rule \x1b[31m\n" + "x" * 1_000_000)
    assert deed.about.isprintable()
    assert len(deed.about) == 200
