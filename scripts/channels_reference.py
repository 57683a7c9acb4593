"""The reference page of the channels, written from the services themselves."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any

from sigmawatch.adapters.apprise.channel import Apprise
from sigmawatch.adapters.channels.settings import Settings
from sigmawatch.adapters.channels.workshop import SERVICES

PAGE = """\
# Channels

<!-- written by `make docs` from the services themselves -->

A channel is one address of one service. [How to set one up](../how-to/channels.md), service by
service; [what becomes of a notice](../explanation/delivery.md).

A channel is defined in the configuration file, or made while the program runs:

```toml
[channels.ops]              # the name that rules and routes use
service = "slack"
url_env = "SLACK_WEBHOOK"   # the variable that holds it; or url_file = "slack.url", or url = "…"
```

    sigmawatch channels add ops slack url=-      # asks for it, so that it stands in no history
    sigmawatch channels test ops                 # sends a real message and says what came
    sigmawatch channels list

Of every setting `X`, `X_env` names a variable of the environment and `X_file` a file (beside the
configuration file, where its path is relative). Names are of small letters, digits, `_` and `-`;
`inbox` and `console` are always there.

## Secrets

- What is written about a channel is never shown again: API, command line and logs know its host,
  and the last four characters of a secret that is long enough.
- Channels that are made while the program runs are stored encrypted (AES-256-GCM). The key is in
  `secrets.key` in the data folder, for its owner alone (a file that others may read is refused), or
  in the environment: `SIGMAWATCH_SECRETS__KEY`, base64 of 32 bytes (`openssl rand -base64 32`).
- No backup holds the key. Keep it apart; without it those channels must be made anew.
- Several programs on one PostgreSQL database each have a data folder: give all of them the same key
  in the environment, or only the one that made a channel can use it.
- `sigmawatch channels rekey` encrypts everything under a new key and lets the old one go. With a
  key in the environment: put the new one before the old one, separated by a comma, restart, run it,
  and take the old one out.

## Where messages may go

Only to public addresses, by https on port 443, or to a mail server by TLS on port 465 or 587. An
address is looked up anew for every attempt, all that it leads to must be public, and the connection
goes to what was checked. Redirects are not followed, a proxy of the environment is not asked, a
certificate that is not in order is a failure. The operator, and only in the configuration file,
opens more:

```toml
[egress]
allow = ["192.168.1.5/32:8080"]     # an ntfy in the house, http too
```

An opening is a range of addresses and one port. Where clouds keep a machine's credentials is never
opened.

## What an answer means

| answer | then |
|---|---|
| 2xx; of mail, 250 after its end | delivered |
| 408, 425, 429, 5xx, or none within 15 s, no such name, no TLS; of mail, 4xx | tried again |
| 400, 413, 415, 422 | once more as plain text, then dead |
| 410 | the channel is disabled: `sigmawatch channels enable NAME` once it is mended |
| anything else, 3xx among them | dead: it is listed, counted, and can be sent again |

How long a service asks us to wait is obeyed. Where it broke off after our words had gone out, it
may have arrived all the same: that is counted as *unsure*, and tried again under the same id.

## Services

"""


def channels_page() -> str:
    """docs/reference/channels.md"""
    lines = [PAGE.rstrip("\n"), ""]
    for name, kind in {**SERVICES, Apprise.SERVICE: Apprise}.items():
        lines += _service(name, kind)
    return "\n".join(lines).rstrip() + "\n"


def _service(name: str, kind: type[Settings]) -> Iterator[str]:
    rate = f"{kind.PER_MINUTE:g} messages a minute; more are put together."
    yield from (f"### {name}", "", rate, "")
    yield from ("| setting | | meaning |", "|---|---|---|")
    own = [one for one in fields(kind) if one.name != "per_minute"]
    for one in own:
        yield f"| `{one.name}` | {_needed(one)} | {one.metadata['help']} |"
    yield "| `per_minute` | | Fewer messages a minute, or more. |"
    yield ""


def _needed(one: Field[Any]) -> str:
    words = []
    if one.default is MISSING:
        words.append("required")
    if one.metadata.get("secret"):
        words.append("secret")
    if one.default not in (MISSING, ""):
        words.append(f"`{one.default}`")
    return ", ".join(words)
