"""`[channels]`, `[egress]` and `[secrets]`: secrets come from where they are kept, never print."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigmawatch.adapters.vault import KeyVault
from sigmawatch.app.cli.judging import judged
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.sources import load_config
from sigmawatch.domain.errors import Invalid

PLANTED = "QplantedSecretQ"


def written(folder: Path, text: str) -> Path:
    path = folder / "sigmawatch.toml"
    path.write_text(text)
    return path


def test_a_secret_comes_from_the_environment_a_file_or_the_table(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text(f"{PLANTED}-file\n")
    path = written(
        tmp_path,
        f"""
        [channels.one]
        service = "ntfy"
        topic_env = "NTFY_TOPIC"
        token_file = "token.txt"
        [channels.two]
        service = "ntfy"
        topic = "{PLANTED}"
        """,
    )
    environ = {"NTFY_TOPIC": f"{PLANTED}-env", "SIGMAWATCH_CHANNELS__TWO__TOKEN": "tk_1"}
    config = load_config(path, environ=environ)
    one, two = config.channels["one"], config.channels["two"]
    assert dict(one.given) == {"topic": f"{PLANTED}-env", "token": f"{PLANTED}-file"}
    assert dict(two.given) == {"topic": PLANTED, "token": "tk_1"}
    assert PLANTED not in repr(config)


def test_everything_that_is_wrong_with_channels_is_told_at_once_and_not_quoted(
    tmp_path: Path,
) -> None:
    path = written(
        tmp_path,
        f"""
        [channels.inbox]
        service = "ntfy"
        [channels.none]
        topic = "{PLANTED}"
        [channels.gone]
        service = "ntfy"
        topic_env = "NO_SUCH_VARIABLE"
        token_file = "no-such-file"
        [egress]
        allow = ["192.168.1.0/24", "192.168.1.7/24:80", "[fd12::/64]:443"]
        """,
    )
    with pytest.raises(ConfigProblems) as raised:
        load_config(path, environ={})
    told = "\n".join(map(str, raised.value.problems))
    for place in ("channels.inbox", "channels.none", "gone.topic_env", "gone.token_file",
                  "egress.allow[0]", "egress.allow[1]"):  # fmt: skip
        assert place in told
    assert "allow[2]" not in told
    assert PLANTED not in told


def test_check_asks_the_service_what_is_wrong_with_a_channel(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"""
        [channels.ops]
        service = "telegram"
        token = "{PLANTED}"
        [channels.fax]
        service = "fax"
        """,
    )
    problems = judged(load_config(path, environ={})).problems
    assert {problem.path for problem in problems} == {"channels.ops.chat", "channels.fax.service"}
    assert PLANTED not in "\n".join(map(str, problems))


def test_a_place_of_ones_own_is_opened_for_a_range_and_a_port(tmp_path: Path) -> None:
    text = '[egress]\nallow = ["192.168.1.0/24:8080"]\n[channels.home]\nservice = "ntfy"\n'
    where = 'topic = "alerts"\nurl = "http://192.168.1.5:{port}"\n'
    for port, count in ((8080, 0), (8081, 1)):
        config = load_config(written(tmp_path, text + where.format(port=port)), environ={})
        assert len(judged(config).problems) == count


def test_a_wrong_key_in_the_environment_is_refused_without_being_quoted(tmp_path: Path) -> None:
    environ = {"SIGMAWATCH_SECRETS__KEY": PLANTED}
    config = load_config(written(tmp_path, ""), environ=environ)
    assert PLANTED not in repr(config)
    with pytest.raises(Invalid) as raised:
        KeyVault.of(tmp_path, keys=config.secrets.key.get_secret_value())
    assert PLANTED not in str(raised.value)
