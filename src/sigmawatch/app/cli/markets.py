"""`add`, `remove` and `list`: which markets are tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.load_lines import print_forecast
from sigmawatch.app.cli.output import demo_line, number, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.app.config import DEFAULT_METRICS
from sigmawatch.domain.errors import Conflict, Invalid, NotFound
from sigmawatch.domain.market import Market, parse_market
from sigmawatch.domain.metric import METRICS

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Markets"
commands = typer.Typer()

Markets = Annotated[
    list[str],
    typer.Argument(metavar="MARKET...", help="As KRAKEN:SOL/EUR, kraken:sol-eur or SOLEUR."),
]
MetricNames = Annotated[
    list[str] | None,
    typer.Option("--metric", "-m", metavar="METRIC", show_default=", ".join(DEFAULT_METRICS),
                 help="What to measure; give it again for more."),
]  # fmt: skip


@commands.command("add", rich_help_panel=PANEL)
def add(
    markets: Markets,
    *,
    metrics: MetricNames = None,
    formula: Annotated[
        str | None,
        typer.Option("--formula", metavar="FORMULA",
                     help="Compute MARKET, as GOLD/BTC, from what is tracked: "
                     "'KRAKEN:XAU/USD / KRAKEN:BTC/USD'."),
    ] = None,
    backups: Annotated[
        list[str] | None,
        typer.Option("--backup", metavar="MARKET",
                     help="Show it from there while its own venue is not read; again for more."),
    ] = None,
    every: Annotated[
        list[str] | None,
        typer.Option("--every", metavar="[METRIC=]SPAN",
                     help="Interval, as 1m; of a single metric, as volume_24h_quote=5m."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would cost. Markets of one venue.")
    ] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Track markets, or a formula, from now on; their last 24 hours are filled in."""
    slots = _slots(every or [])
    if backups:
        wanted = _stitched(markets, metrics or ["price"], backups=backups, formula=formula)
    else:
        wanted = _bodies(markets, metrics or [], formula=formula)
    bodies = [body | slots for body in wanted]
    if dry_run:
        if formula is not None:
            raise Invalid("a formula asks no venue for anything", field="dry_run")
        told = _told(bodies, slots)
        print_forecast(ask(lambda client: client.post("/metrics/forecast", told),
                           file=file, data=data), as_json=as_json)  # fmt: skip
        return

    async def added(client: Client) -> list[dict[str, Any]]:
        answers = [await client.post("/metrics", body) for body in bodies]
        return [item for answer in answers for item in answer["items"]]

    items = ask(added, file=file, data=data)
    if as_json:
        print_json(stdout(), {"items": items})
        return
    for item in items:
        verb = "tracking" if item["created"] else "tracked already:"
        stdout().print(plain(f"{verb} {item['name']} every {item['interval']} (id {item['id']})"))


def _told(bodies: list[dict[str, Any]], slots: dict[str, Any]) -> dict[str, Any]:
    """All of some markets in one body."""
    metrics = bodies[0]["metrics"]
    return {"markets": [body["market"] for body in bodies], "metrics": metrics} | slots


def _slots(every: list[str]) -> dict[str, Any]:
    """`--every` as the API takes it. Raises Invalid."""
    parts = [text.rpartition("=") for text in every]
    whole = [span for name, _, span in parts if not name]
    single = {name.strip(): span.strip() for name, _, span in parts if name}
    if len(whole) > 1 or len(single) + len(whole) < len(every):
        raise Invalid("an interval is said once", field="every",
                      allowed="--every 1m, --every volume_24h_quote=5m")  # fmt: skip
    return ({"every": whole[0]} if whole else {}) | ({"intervals": single} if single else {})


def _bodies(markets: list[str], metrics: list[str], *, formula: str | None) -> list[dict[str, Any]]:
    """What to ask for: metrics of markets, or one formula by its name. Raises Invalid."""
    if formula is None:
        return [{"market": one, "metrics": metrics or list(DEFAULT_METRICS)} for one in markets]
    if len(markets) != 1 or len(metrics) > 1:
        raise Invalid("a formula has one name, and one metric at most", field="formula",
                      allowed="add GOLD/BTC --formula '...' [--metric price]")  # fmt: skip
    return [{"name": markets[0], "formula": formula} | ({"metric": metrics[0]} if metrics else {})]


def _stitched(
    markets: list[str], metrics: list[str], *, backups: list[str], formula: str | None
) -> list[dict[str, Any]]:
    """What to ask for: a market with its backups. Raises Invalid."""
    if len(markets) != 1 or formula is not None:
        raise Invalid("backups are of one market", field="backups",
                      allowed="add KRAKEN:BTC/USD --backup COINBASE:BTC/USD")  # fmt: skip
    return [{"market": markets[0], "metrics": metrics, "backups": backups}]


@commands.command("remove", rich_help_panel=PANEL)
def remove(
    series: Annotated[
        list[str],
        typer.Argument(
            metavar="SERIES...",
            help="An id, KRAKEN:SOL-EUR:price, or KRAKEN:SOL/EUR for all metrics of a market.",
        ),
    ],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
) -> None:
    """Stop tracking. What was recorded stays. What a file manages is refused, the others go."""

    async def removed(client: Client) -> dict[str, str]:
        slugs = [slug for text in series for slug in await _slugs(client, text)]
        return {slug: await _refusal(client, slug) for slug in slugs}

    refusals = ask(removed, file=file, data=data)
    for slug, refusal in refusals.items():
        if not refusal:
            stdout().print(plain(f"no longer tracking {slug}"))
    if told := [refusal for refusal in refusals.values() if refusal]:
        raise Conflict("\n".join(told))


async def _refusal(client: Client, slug: str) -> str:
    """Stop tracking one series; why not, where that is refused."""
    try:
        await client.delete(f"/metrics/{segment(slug)}")
    except Conflict as exc:
        return str(exc)
    return ""


async def _slugs(client: Client, text: str) -> list[str]:
    """What a person calls one series, or all of one market, as the API takes it."""
    if text.strip().isdigit() or text.rpartition(":")[2].strip().lower() in METRICS:
        return [text.strip().replace("/", "-")]
    wanted = parse_market(text)
    tracked = (await client.get_all("/markets", tracked=True))["items"]
    found = [item for item in tracked if wanted.names(_market(item))]
    if len(found) != 1:
        rule = "is tracked at several venues" if found else "is not tracked"
        names = ", ".join(item["name"] for item in (found or tracked)[:5])
        raise NotFound(f"{text} {rule}", field="series", allowed=names)
    (item,) = found
    metrics = sorted(item["metrics"], key=lambda name: METRICS[name].derived_from is None)
    return [f"{item['venue']}:{item['base']}-{item['quote']}:{name}" for name in metrics]


def _market(item: dict[str, Any]) -> Market:
    return Market(**{key: item[key] for key in ("venue", "base", "quote", "native")})


@commands.command("list", rich_help_panel=PANEL)
def list_(
    *,
    venue: options.VenueName = None,
    metric: Annotated[
        str | None, typer.Option("--metric", "-m", metavar="METRIC", help="Only this metric.")
    ] = None,
    find: Annotated[
        str | None, typer.Option("--find", metavar="TEXT", help="Only names that hold this text.")
    ] = None,
    available: Annotated[
        bool, typer.Option("--available", help="What could be tracked, instead of what is.")
    ] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List what is tracked, or with --available what the venues offer."""

    async def listed(client: Client) -> Any:
        if available:
            return await client.get_all("/markets", venue=venue, q=find)
        found = await client.get_all("/metrics", venue=venue, metric=metric, q=find)
        return found if as_json else found | {"venues": (await client.get("/venues"))["items"]}

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
    elif available:
        columns = {"market": "left", "venue's id": "left", "status": "left", "tracked": "left"}
        print_table(stdout(), columns, rows=[
            (item["name"], item["native"], item["status"], ", ".join(item["metrics"]))
            for item in answer["items"]
        ])  # fmt: skip
    else:
        _print_tracked(answer)


def _print_tracked(answer: Any) -> None:
    console = stdout()
    if line := demo_line(answer):
        console.print(line)
    columns = {"id": "right", "market": "left", "metric": "left", "every": "left",
               "value": "right", "at": "left", "state": "left", "defined by": "left"}  # fmt: skip
    print_table(console, columns, rows=[
        (item["id"], item["market"], item["metric"], item["interval"],
         number(item["value"]), item["value_at"], item["state"], item["origin"])
        for item in answer["items"]
    ])  # fmt: skip
    for one in answer["venues"]:
        console.print(f"{one['name']}: on disk through {one['durable_through'] or 'nothing yet'}")
