"""Keys, sessions and tokens at the door (S02 to S05)."""

from __future__ import annotations

import statistics
import time

import pytest
from tests.pace import allowed_s
from tests.security.callers import FAR, LOOPBACK, Known, calling, key_text
from tests.web.conftest import TOKEN, World, reading
from tests.web.test_errors import judged

from sigmawatch.domain.caller import Role, Scope

METRICS = "/api/v1/metrics"


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


WRONG = ["Bearer", "Bearer ", "Bearer x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x",
         f"Bearer {TOKEN[:-1]}", f"Bearer {key_text('other')}", f"Bearer {key_text('abcd')[:-1]}",
         f"Bearer {key_text('abcd')} x", "Bearer " + "x" * 8_000, "Bearer sw__",
         "Digest username=x"]  # fmt: skip


@pytest.mark.parametrize("guarded", [True, False])
@reading
async def test_s02_what_is_not_a_good_credential_is_401(still: World, guarded: bool) -> None:
    """S02: "Expired, revoked, truncated, other-installation key: 401". Also where nobody needs one:
    who sends a credential means to be known."""
    known = Known(guarded=guarded)
    known.key("abcd", Scope.READ_METRICS)
    async with calling(still, known, address=LOOPBACK) as client:
        for header in WRONG:
            answer = await client.get(METRICS, headers={"Authorization": header})
            judged(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"


@reading
async def test_s02_a_session_that_is_over_is_nobodys(still: World) -> None:
    known = Known()
    cookie = known.log_in(Role.READER)
    async with calling(still, known) as client:
        assert (await client.get(METRICS, headers=cookie)).status_code == 200
        known.sessions.clear()
        judged(await client.get(METRICS, headers=cookie), 401, "unauthorized")
        assert (await client.get("/", headers=cookie)).status_code == 200


@reading
async def test_s03_a_key_in_an_address_is_refused_and_told_as_exposed(
    still: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """S03: "Key in query string: 400, key not logged; key flagged as exposed"."""
    known, text = Known(), key_text("abcd")
    known.key("abcd", Scope.READ_METRICS)
    hidden = text.replace("sw_", "%73w%5F")
    async with calling(still, known) as client:
        for query in (f"api_key={text}", f"token={text}&limit=1", f"q=a+{text}+b", f"x={hidden}"):
            answer = await client.get(f"{METRICS}?{query}")
            problem = judged(answer, 400, "malformed")
            assert "rotate" in problem["detail"]
            assert "k" * 40 not in answer.text + caplog.text + capsys.readouterr().out
    assert known.exposed == [text] * 4


@reading
async def test_s04_guessing_ends_with_429_and_the_right_key_still_works(still: World) -> None:
    """S04: "Right id, wrong secret [...] 10,000 tries: no measurable prefix leak; 429 after
    limit"."""
    known = Known()
    right = known.key("abcd", Scope.READ_METRICS)
    async with calling(still, known, limits={"wrong_per_minute": 20}) as client:
        answers = [
            await client.get(METRICS, headers=bearer(key_text("abcd")[:-3] + f"{number:03}"))
            for number in range(1, 30)
        ]
        assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 9
        judged(answers[-1], 429, "too-many-requests")
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await client.get(METRICS, headers=right)).status_code == 200


@pytest.mark.slow
@reading
async def test_s04_a_wrong_key_takes_as_long_however_much_of_it_is_right(still: World) -> None:
    """S04: "no measurable prefix leak": medians of many tries differ by less than a tenth of what
    one takes (the comparison itself is hmac.compare_digest, whatever this measures)."""
    async with calling(still, limits={"wrong_per_minute": 10_000_000}) as client:
        texts = [TOKEN[:-1] + "x", "x" + TOKEN[1:]]
        took_s: list[list[float]] = [[], []]
        for _ in range(300):
            for place, text in enumerate(texts):
                began_s = time.perf_counter()
                await client.get(METRICS, headers=bearer(text))
                took_s[place].append(time.perf_counter() - began_s)
    near, far = map(statistics.median, took_s)
    assert abs(near - far) < allowed_s(0.1 * max(near, far))


@reading
async def test_s05_passwords_are_tried_five_times_a_minute_from_one_address(still: World) -> None:
    """SECURITY.md, Limits: "login 5/min/address"; S05: "owner can still log in" from elsewhere."""
    body = {"name": "nobody", "password": "wrong wrong wrong"}
    async with calling(still) as client:
        answers = [await client.post("/api/v1/session", json=body) for _ in range(7)]
        assert [one.status_code for one in answers[5:]] == [429, 429]
        assert 429 not in [one.status_code for one in answers[:3]]
        assert '"login";q=5;w=60' in answers[-1].headers["ratelimit-policy"]


@reading
async def test_while_there_is_no_user_this_machine_needs_no_login_and_others_do(
    still: World,
) -> None:
    """SECURITY.md, Defaults; issue: "loopback needs no login until a user exists"."""
    cases = [(LOOPBACK, False, 200), ("::1", False, 200), ("::ffff:127.0.0.1", False, 200),
             (LOOPBACK, True, 401), (FAR, False, 401), ("", False, 401)]  # fmt: skip
    for address, guarded, status in cases:
        async with calling(still, Known(guarded=guarded), address=address) as client:
            assert (await client.get(METRICS)).status_code == status, (address, guarded)


@reading
async def test_open_read_is_metrics_and_nothing_else(still: World) -> None:
    """Issue: "`access = open-read` serves reads without a key under per-address limits"."""
    async with calling(still, access={"mode": "open-read"}) as client:
        for path in ("/metrics", "/ranking", "/venues", "/metrics/1/records"):
            answer = await client.get(f"/api/v1{path}")
            assert answer.status_code == 200, path
            assert '"anonymous";q=600;w=60' in answer.headers["ratelimit-policy"]
        for path in ("/rules", "/channels", "/inbox", "/backups"):
            judged(await client.get(f"/api/v1{path}"), 401, "unauthorized")
        judged(await client.post("/api/v1/collect", json={}), 401, "unauthorized")
