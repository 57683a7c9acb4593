"""What every service is sent: its own format, escaped, within its limits; nothing of it is I/O."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError
from tests.channels.samples import GIVEN, HOSTILE, NOW_MS, SECRET, a_message

from sigmawatch.adapters.channels import discord, slack
from sigmawatch.adapters.channels.mail import mail
from sigmawatch.adapters.channels.settings import read_settings
from sigmawatch.adapters.channels.smtp import Smtp
from sigmawatch.adapters.channels.workshop import SERVICES, kind_of, secret_names
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.errors import Invalid, ManyInvalid
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.ports.channel import Answer

EGRESS = Egress()
HTTP = sorted(set(SERVICES) - {"smtp"})


def request_of(service: str, message: Message, *, plain: bool = False) -> tuple[str, Request]:
    made = read_settings(kind_of(service), GIVEN[service], egress=EGRESS)
    assert not isinstance(made, Smtp)
    return made.request(message, plain=plain, now_ms=NOW_MS)


def content_of(service: str, message: Message, *, plain: bool = False) -> Any:
    _, request = request_of(service, message, plain=plain)
    if request.headers["content-type"] == "application/json":
        return json.loads(request.body)
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_every_service_has_a_sample() -> None:
    assert set(GIVEN) == set(SERVICES)


# Webhook


def test_a_signature_is_that_of_the_specifications_example() -> None:
    """standardwebhooks' own vector: the same secret, id, time and body give its signature."""
    signed = Verifier("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        dt.datetime.fromtimestamp(1_614_265_330, dt.UTC),
        '{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_verifier_takes_what_we_sign_and_nothing_else() -> None:
    """S38: "change body, id, timestamp; replay after 5 min": refused."""
    made = read_settings(kind_of("webhook"), GIVEN["webhook"], egress=EGRESS)
    now_ms = round(dt.datetime.now(dt.UTC).timestamp() * 1_000)
    _, request = made.request(a_message(HOSTILE.replace("\r", "")), plain=False, now_ms=now_ms)  # type: ignore[union-attr]
    headers = dict(request.headers)
    verifier = Verifier(SECRET)
    assert verifier.verify(request.body, headers)["data"]["id"] == a_message().id
    for name, value in (("webhook-id", "other"), ("webhook-timestamp", str(now_ms // 1_000 + 1))):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(request.body, headers | {name: value})
    with pytest.raises(WebhookVerificationError):
        verifier.verify(request.body.replace(b"301", b"302"), headers)
    _, old = made.request(a_message(), plain=False, now_ms=now_ms - 301_000)  # type: ignore[union-attr]
    with pytest.raises(WebhookVerificationError, match="old"):
        verifier.verify(old.body, dict(old.headers))


def test_while_the_secret_changes_either_one_verifies() -> None:
    before = "whsec_" + base64.b64encode(b"f" * 24).decode()
    given = {**GIVEN["webhook"], "previous_secret": before}
    made = read_settings(kind_of("webhook"), given, egress=EGRESS)
    now_ms = round(dt.datetime.now(dt.UTC).timestamp() * 1_000)
    _, request = made.request(a_message(), plain=False, now_ms=now_ms)  # type: ignore[union-attr]
    for secret in (SECRET, before):
        Verifier(secret).verify(request.body, dict(request.headers))


def test_every_attempt_has_the_same_id_and_its_own_time() -> None:
    made = read_settings(kind_of("webhook"), GIVEN["webhook"], egress=EGRESS)
    first, second = (
        dict(made.request(a_message(), plain=False, now_ms=when)[1].headers)  # type: ignore[union-attr]
        for when in (NOW_MS, NOW_MS + 10_000)
    )
    assert first["webhook-id"] == second["webhook-id"] == a_message().id
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


# The others


def test_slack_is_told_in_blocks_and_nobody_is_called() -> None:
    """S22."""
    sent = content_of("slack", a_message(HOSTILE.replace("\r", ""), lines=(HOSTILE,)))
    assert sent["blocks"][0]["text"]["type"] == "plain_text"
    section = sent["blocks"][1]["text"]
    assert section["verbatim"] is True
    for written in (section["text"], sent["text"]):
        assert "<" not in written
        assert "&lt;!channel&gt;" in written
        assert "\x1b" not in written
    assert sent["blocks"][2]["text"]["text"].startswith("<https://sigmawatch.example.com/")
    assert "blocks" not in content_of("slack", a_message(), plain=True)


def test_discord_mentions_nobody_and_reads_no_markdown() -> None:
    """S22."""
    for plain in (False, True):
        sent = content_of("discord", a_message(HOSTILE, lines=(HOSTILE,)), plain=plain)
        assert sent["allowed_mentions"] == {"parse": []}
        said = sent["content"] if plain else sent["embeds"][0]["description"]
        assert r"\@everyone" in said
        assert r"\[a\]\(http" in said
        assert r"\*x\*" in said


def test_telegram_gets_html_in_which_only_the_title_is_bold() -> None:
    sent = content_of("telegram", a_message("<b>a</b>", lines=("1 < 2 & <i>",)))
    assert sent["parse_mode"] == "HTML"
    assert sent["text"].startswith("<b>&lt;b&gt;a&lt;/b&gt;</b>\n1 &lt; 2 &amp; &lt;i&gt;")
    assert "parse_mode" not in content_of("telegram", a_message(), plain=True)
    url, _ = request_of("telegram", a_message())
    assert url.endswith("/bot123456:QtelegramTokenQtelegramTokenQ/sendMessage")


def test_pagerduty_has_one_alert_per_episode_which_resolved_resolves() -> None:
    fired = content_of("pagerduty", a_message())
    again = content_of("pagerduty", a_message(kind=NoticeKind.REMINDER))
    over = content_of("pagerduty", a_message(kind=NoticeKind.RESOLVED))
    assert [one["event_action"] for one in (fired, again, over)] == [
        "trigger",
        "trigger",
        "resolve",
    ]
    assert {one["dedup_key"] for one in (fired, again, over)} == {a_message().thread}
    assert fired["payload"]["severity"] == "critical"
    long = content_of("pagerduty", replace(a_message(), thread="t" * 300))
    assert len(long["dedup_key"]) <= 255


def test_ntfy_pushover_and_twilio_are_told_in_plain_text() -> None:
    ntfy = content_of("ntfy", a_message(HOSTILE))
    assert (ntfy["priority"], ntfy["topic"]) == (5, "QsecretTopicQQQQ")
    assert "markdown" not in ntfy
    assert content_of("ntfy", a_message(kind=NoticeKind.RESOLVED))["priority"] == 3
    push = content_of("pushover", a_message(HOSTILE))
    assert push["priority"] == "1"
    assert "html" not in push
    sms = content_of("twilio", a_message())
    assert (sms["To"], sms["From"]) == ("+491701234567", "+15005550006")
    assert sms["Body"].startswith("KRAKEN:BTC/USD price")


def test_a_mail_cannot_be_given_more_headers_by_a_name() -> None:
    """S21: "encoded or 422"."""
    title = "rule\r\nBcc: everybody@example.com\x0b\x85\u2028X: y"
    hostile = replace(a_message(), title=title.replace("\n", "\r"))
    raw = mail(hostile, sender="alerts@example.com", to="me@example.org", now_ms=NOW_MS)
    read = message_from_bytes(raw, policy=default)
    assert read["Bcc"] is None
    assert "Bcc" in read["Subject"]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_mails_of_an_episode_are_one_conversation_and_one_click_ends_a_subscription() -> None:
    """RFC 8058."""
    first = a_message(unsubscribe="https://sigmawatch.example.com/u/abc")
    read = message_from_bytes(
        mail(first, sender="alerts@example.com", to="me@example.org", now_ms=NOW_MS), policy=default
    )
    assert read["List-Unsubscribe"] == "<https://sigmawatch.example.com/u/abc>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    other = replace(first, id="another", kind=NoticeKind.RESOLVED)
    again = message_from_bytes(
        mail(other, sender="alerts@example.com", to="me@example.org", now_ms=NOW_MS), policy=default
    )
    assert read["References"] == again["References"]
    assert read["Message-ID"] != again["Message-ID"]
    sent = content_of("sendgrid", first)
    assert sent["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent["content"][0]["type"] == "text/plain"


@pytest.mark.parametrize("service", HTTP)
@pytest.mark.parametrize("plain", [False, True])
def test_braces_and_percent_signs_stay_what_they_are(service: str, plain: bool) -> None:
    """S20: "printed literally"."""
    _, request = request_of(service, a_message("{{7*7}} {0.__class__} %n"), plain=plain)
    written = request.body.decode()
    assert "49" not in written.replace("491701234567", "")
    assert "class 'str'" not in written


LIMITS: Mapping[str, Any] = {
    "slack": lambda sent: (
        len(sent["blocks"][0]["text"]["text"]) <= 150
        and len(sent["blocks"][1]["text"]["text"]) <= 3_000
    ),
    "discord": lambda sent: _embed_fits(sent["embeds"][0]),
    "telegram": lambda sent: len(sent["text"]) <= 5 * 4_096,
    "pagerduty": lambda sent: (
        len(sent["payload"]["summary"]) <= 1_024 and len(json.dumps(sent)) < 512_000
    ),
    "ntfy": lambda sent: (
        len(sent["message"].encode()) <= 4_096 and len(sent["title"].encode()) <= 1_024
    ),
    "pushover": lambda sent: len(sent["message"]) <= 1_024 and len(sent["title"]) <= 250,
    "twilio": lambda sent: len(sent["Body"]) <= 300,
    "sendgrid": lambda sent: len(sent["subject"]) <= 200,
    "webhook": lambda sent: True,
}


def _embed_fits(embed: Any) -> bool:
    parts = [(embed["title"], 256), (embed["description"], 4_096)]
    for one in embed["fields"]:
        parts += [(one["name"], 256), (one["value"], 1_024)]
    return all(len(text) <= most for text, most in parts) and sum(len(t) for t, _ in parts) <= 6_000


lines = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=3_000)


@settings(max_examples=20)
@generated(st.data())
def test_whatever_it_says_a_message_fits(data: st.DataObject) -> None:
    message = a_message(
        data.draw(lines.filter(len)),
        lines=tuple(data.draw(st.lists(lines, max_size=4))),
        facts=tuple(data.draw(st.lists(st.tuples(lines, lines), max_size=12))),
    )
    for service in HTTP:
        assert LIMITS[service](content_of(service, message)), service
        content_of(service, message, plain=True)
    mail(message, sender="alerts@example.com", to="me@example.org", now_ms=NOW_MS)


@settings(max_examples=50)
@generated(lines, st.integers(2, 300))
def test_escaping_fits_and_leaves_no_entity_open(text: str, chars_max: int) -> None:
    made = slack.escaped(text, chars_max)
    assert len(made) <= chars_max
    assert "<" not in made
    assert ">" not in made
    assert made.count("&") == sum(made.count(one) for one in ("&amp;", "&lt;", "&gt;"))
    assert len(discord.escaped(text, chars_max)) <= chars_max


nonsense = st.recursive(
    st.none() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["message", "errors", "error", "description", "parameters", "retry_after"]),
        inner, max_size=6,
    ),
    max_leaves=9,
)  # fmt: skip


@settings(max_examples=100)
@generated(
    st.integers(200, 599),
    nonsense.map(json.dumps).map(str.encode) | st.binary(max_size=99),
    st.text(st.characters(max_codepoint=255), max_size=40) | st.just("9" * 999),
)
def test_whatever_is_answered_is_read(status: int, body: bytes, wait: str) -> None:
    reply = Reply(status=status, headers={"retry-after": wait}, body=body)
    for service in HTTP:
        made = read_settings(kind_of(service), GIVEN[service], egress=EGRESS)
        assert not isinstance(made, Smtp)
        sent = made.read(reply, now_ms=NOW_MS)
        assert (sent.answer is Answer.ACCEPTED) == (status < 300)
        assert sent.wait_ms is None or 0 <= sent.wait_ms <= 86_400_000


# Settings


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_what_is_required_is_named_all_at_once(service: str) -> None:
    kind = kind_of(service)
    with pytest.raises(ManyInvalid) as raised:
        read_settings(kind, {"colour": "Qsecret", "per_minute": "many"}, egress=EGRESS)
    named = {problem.field for problem in raised.value.problems}
    required = set(GIVEN[service]) - {"token", "user", "password", "port"}
    assert named >= required | {"colour", "per_minute"}
    assert "Qsecret" not in str(raised.value)


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_secret_is_printed_quoted_or_shown(service: str) -> None:
    made = read_settings(kind_of(service), GIVEN[service], egress=EGRESS)
    for name in secret_names(type(made)):
        if not (value := str(getattr(made, name))):
            continue
        assert value not in repr(made)
        assert value not in made.shown
        with pytest.raises(Invalid) as raised:
            read_settings(
                kind_of(service), {**GIVEN[service], name: f"\u202e{value}"}, egress=EGRESS
            )
        assert value not in str(raised.value) + raised.value.allowed


def test_what_is_shown_is_the_host_and_the_last_four() -> None:
    def shown(service: str) -> str:
        return read_settings(kind_of(service), GIVEN[service], egress=EGRESS).shown

    assert shown("slack") == "hooks.slack.com …kenQ"
    assert shown("smtp") == "smtp.example.com …dQQQ"
    short = read_settings(
        kind_of("ntfy"), {"topic": "short", "url": "https://ntfy.sh"}, egress=EGRESS
    )
    assert short.shown == "ntfy.sh"


@pytest.mark.parametrize("service", ["webhook", "slack", "discord", "ntfy", "telegram"])
@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/a", "http://hooks.example.com/", "https://[::1]"]
)
def test_an_address_that_must_not_be_spoken_to_is_refused_when_it_is_saved(
    service: str, url: str
) -> None:
    with pytest.raises(ManyInvalid) as raised:
        read_settings(kind_of(service), {**GIVEN[service], "url": url}, egress=EGRESS)
    assert [problem.field for problem in raised.value.problems] == ["url"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": "a@example.org\r\nRCPT TO:<b@example.org>"}, "to"),
        ({"to": "a@example.org>, <b@example.org"}, "to"),
        ({"sender": "Sigma <a@example.org>"}, "sender"),
        ({"tls": "none"}, "server"),
        ({"tls": "ssl"}, "tls"),
        ({"port": 25}, "server"),
        ({"port": "many"}, "port"),
        ({"user": ""}, "user"),
        ({"server": "127.0.0.1"}, "server"),
    ],
)
def test_a_mail_server_is_read_with_care(changes: Mapping[str, object], field: str) -> None:
    with pytest.raises(ManyInvalid) as raised:
        read_settings(kind_of("smtp"), {**GIVEN["smtp"], **changes}, egress=EGRESS)
    assert field in {problem.field for problem in raised.value.problems}


def test_a_service_that_is_misspelt_is_guessed() -> None:
    with pytest.raises(Invalid, match="did you mean pagerduty"):
        kind_of("pager-duty")
