"""Secrets at rest: AES-256-GCM under a key outside the database (SECURITY.md; S54)."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from sigmawatch.adapters.vault import KEY_BYTES, NAME, KeyVault, parse_keys
from sigmawatch.domain.errors import Invalid, Refused

SECRET = "https://hooks.slack.com/services/T00/B00/QplantedQ"
OLD, NEW = b"o" * KEY_BYTES, b"n" * KEY_BYTES


def test_what_is_sealed_opens_after_a_restart_and_says_nothing(tmp_path: Path) -> None:
    sealed = KeyVault(tmp_path).seal(SECRET, owner="channel 1")
    assert b"planted" not in sealed
    assert KeyVault(tmp_path).open(sealed, owner="channel 1") == SECRET
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert KeyVault(tmp_path).seal(SECRET, owner="channel 1") != sealed  # never the same nonce


def test_no_key_is_made_before_there_is_a_secret(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        KeyVault(tmp_path).open(b"\x01" + bytes(40), owner="channel 1")
    assert not (tmp_path / NAME).exists()


def test_it_opens_for_its_owner_alone_and_only_as_it_was_sealed(tmp_path: Path) -> None:
    vault = KeyVault(tmp_path)
    sealed = vault.seal(SECRET, owner="channel 1")
    with pytest.raises(Refused):
        vault.open(sealed, owner="channel 2")
    for at in range(len(sealed)):
        torn = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(Refused):
            vault.open(torn, owner="channel 1")
        with pytest.raises(Refused):
            vault.open(sealed[:at], owner="channel 1")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """S54: "start refuses group/world readable key"."""
    KeyVault(tmp_path).seal(SECRET, owner="x")
    (tmp_path / NAME).chmod(mode)
    with pytest.raises(Refused, match="chmod 600"):
        KeyVault(tmp_path).seal(SECRET, owner="x")


def test_keys_change_without_losing_what_the_old_one_sealed(tmp_path: Path) -> None:
    vault = KeyVault(tmp_path)
    before = vault.seal(SECRET, owner="x")
    vault.renew()
    after = vault.seal(SECRET, owner="x")
    fresh = KeyVault(tmp_path)
    assert fresh.open(before, owner="x") == fresh.open(after, owner="x") == SECRET
    fresh.forget()
    assert KeyVault(tmp_path).open(after, owner="x") == SECRET
    with pytest.raises(Refused, match="key"):
        KeyVault(tmp_path).open(before, owner="x")


def test_keys_of_the_environment_leave_no_file_and_the_first_one_seals(tmp_path: Path) -> None:
    before = KeyVault(tmp_path, keys=[OLD]).seal(SECRET, owner="x")
    both = KeyVault(tmp_path, keys=[NEW, OLD])
    assert both.open(before, owner="x") == SECRET
    both.renew()
    after = both.seal(SECRET, owner="x")
    assert KeyVault(tmp_path, keys=[NEW]).open(after, owner="x") == SECRET
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_read_strictly_and_never_quoted() -> None:
    written = base64.b64encode(OLD).decode()
    assert parse_keys(f"{written}, {written}\n") == [OLD, OLD]
    for wrong in ("QplantedQ", base64.b64encode(b"short").decode(), written[:-2]):
        with pytest.raises(Invalid) as raised:
            parse_keys(wrong)
        assert wrong not in str(raised.value)
