"""Writes the tables and the plot of docs/benchmarks.md, and the figures of README.md, from what was
measured last (benchmarks/results).

    python -m benchmarks page

What is written stands between two comments, `<!-- name -->` and `<!-- /name -->`; the words around
them are written by hand. A test holds both pages to the files.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from benchmarks.budget.figures import HEADER, Figure
from benchmarks.shared.plot import drawn
from benchmarks.shared.results import Results, duration, markdown, ratio, size

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PLOT = DOCS / "benchmarks.md", DOCS / "benchmarks.svg"
README = DOCS.parent / "README.md"
OURS = ("sigmawatch", "sigmawatch-memory")
LIBRARIES = ("numpy", "pandas", "statistics")
SIZES = (1_000, 10_000, 100_000)
Content = Mapping[str, Any]


def main() -> None:
    """Rewrite both pages; draw the plot where the peers were measured and matplotlib is there."""
    PAGE.write_text(rewritten(PAGE.read_text("utf-8")), "utf-8")
    README.write_text(introduced(README.read_text("utf-8")), "utf-8")
    print(f"wrote {PAGE.name}, {README.name}")
    PLOT.write_bytes(drawn(Results("peers").load()["rows"]))
    print(f"wrote {PLOT.name}")


def rewritten(text: str) -> str:
    """The page with every table as the results have it; a table without results stays."""
    for name, table in TABLES.items():
        try:
            content = Results(name.partition("-")[0]).load()
        except FileNotFoundError:
            continue
        text = between(text, name, table(content))
    return text


def introduced(text: str) -> str:
    """The README with its figures."""
    budget, peers = Results("budget").load()["rows"], Results("peers").load()["rows"]
    return between(text, "figures", textwrap.fill(figures(budget, peers), 96))


def figures(budget: Sequence[Content], peers: Sequence[Content]) -> str:
    """What a reader wants to know first, in a few sentences."""
    known = {row["what"]: row for row in budget}
    slots = [known[f"slot of {count:,} series, ten rules, durable"] for count in SIZES]
    took = [f"{row['value']:.2g}" for row in slots]
    held = [f"{row['memory_bytes'] / 1e9:.1f}" for row in slots]
    restart = known["restart to ready, 100,000 series, 24 h"]
    next_best, *times = _next_database(peers)
    return (
        "On two shared cores, for 1,000 / 10,000 / 100,000 series: a slot with its synced commit, "
        "three σ over 24 h and 1 h, ranks and ten rules takes "
        f"{' / '.join(took)} ms, in a program of {' / '.join(held)} GB; a restart reads "
        f"24 hours of the largest back in {restart['value'] / 1e3:.0f} s. {next_best}, the fastest "
        "of seven databases beside us, takes "
        f"{' / '.join(times)} times as long, both on disk and synced. A poll of 3,000 markets is "
        f"parsed in {known['parse a 3,000-market poll']['value']:.1f} ms."
    )


def _next_database(peers: Sequence[Content]) -> tuple[str, ...]:
    """Its name, and how many times as long as ours it takes at each size: of those that sync."""
    factors: dict[str, list[float]] = {}
    for count in SIZES:
        mine = [row for row in peers if row["series"] == count and "median_ms" in row]
        for system, times in _times_ours(mine).items():
            if system not in OURS and next(r for r in mine if r["system"] == system)["durable"]:
                factors.setdefault(system, []).append(times)
    best = min((one for one in factors if len(factors[one]) == len(SIZES)),
               key=lambda system: factors[system][-1])  # fmt: skip
    title = next(row["title"] for row in peers if row["system"] == best).partition(",")[0]
    return title, *(f"{times:.0f}" for times in factors[best])


def between(text: str, name: str, new: str) -> str:
    """`text` with `new` between the two comments of `name`, which must be there once."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    replaced, count = pattern.subn(lambda found: f"{found[1]}{new}\n{found[2]}", text)
    assert count == 1, f"there are {count} places for {name}"
    return replaced


def machine_line(content: Content) -> str:
    it = content["machine"]
    return (
        f"Measured on {it['date']}: {it['processor']}, {it['cores']} cores, {it['memory']}, "
        f"{it['kernel']}, CPython {it['python']}, NumPy {it['numpy']}; load average at the end "
        f"{it['load']}."
    )


def budget_table(content: Content) -> str:
    rows = [Figure.of(facts).cells() for facts in content["rows"]]
    return f"{machine_line(content)}\n\n{markdown(HEADER, rows)}"


def plain_table(content: Content) -> str:
    """As the benchmark wrote its cells."""
    return f"{machine_line(content)}\n\n{markdown(content['header'], content['rows'])}"


def profile_table(content: Content) -> str:
    """Each stage with its whole, then its functions."""
    rows = []
    for stage, members in groupby(content["rows"], key=itemgetter("stage")):
        mine = list(members)
        rows.append([f"**{stage}**", "", *_spent(mine)])
        rows += [["", row["function"], *_spent([row])] for row in mine]
    return markdown(("stage", "function", "a slot", "share"), rows, words=2)


def _spent(rows: Sequence[Content]) -> list[str]:
    share = sum(row["share"] for row in rows)
    return [duration(sum(row["ms"] for row in rows)), f"{100.0 * share:.0f} %"]


def peers_table(content: Content) -> str:
    """One table for each size, the fastest first, what has no time last."""
    sizes = sorted({row["series"] for row in content["rows"]})
    tables = [_of_size(content["rows"], count) for count in sizes]
    return "\n\n".join([machine_line(content), *tables])


PEERS = ("", "slot, median", "p95", "processor", "memory", "a value", "loading", "× ours")


def _of_size(rows: Sequence[Content], count: int) -> str:
    mine = [row for row in rows if row["series"] == count]
    timed = sorted((row for row in mine if "median_ms" in row), key=lambda row: row["median_ms"])
    times = _times_ours(timed)
    lines = [_cells(row, times[row["system"]]) for row in timed]
    lines += [[_title(row), row["trouble"], *[""] * 6] for row in mine if "trouble" in row]
    parts = (f"### {count:,} series", markdown(PEERS, lines), best_of_the_others(timed))
    return "\n\n".join(filter(None, parts))


def best_of_the_others(timed: Sequence[Content]) -> str:
    """The database that comes nearest to ours, and the library; like with like."""
    times = _times_ours(timed)
    said = []
    for what, libraries in (("databases", False), ("libraries", True)):
        mine = [
            row for row in timed
            if row["system"] not in OURS and times[row["system"]]
            and (row["system"] in LIBRARIES) == libraries
        ]  # fmt: skip
        if mine:
            best = min(mine, key=lambda row: times[row["system"]])
            said.append(f"of the {what} {best['title']}, {ratio(times[best['system']])} ours")
    return f"The best of the others: {'; '.join(said)}." if said else ""


def _times_ours(timed: Sequence[Content]) -> Mapping[str, float]:
    """How many times as long as ours each takes, of the same durability; 0 where ours has none."""
    ours = {row["durable"]: row["median_ms"] for row in timed if row["system"] in OURS}
    return {
        row["system"]: row["median_ms"] / ours[row["durable"]] if row["durable"] in ours else 0.0
        for row in timed
    }


def _cells(row: Content, times: float) -> list[str]:
    mine = row["system"] in OURS
    title = f"**{_title(row)}**" if mine else _title(row)
    return [
        title, *(duration(row[name]) for name in ("median_ms", "p95_ms", "cpu_ms")),
        size(row["memory_bytes"]), f"{row['value_bytes']:g} B", f"{row['loaded_s']:.1f} s",
        ratio(times) if times else "",
    ]  # fmt: skip


def _title(row: Content) -> str:
    """With the version and what is special: "DuckDB 2.0.0, on disk ●"."""
    name, comma, rest = row["title"].partition(",")
    version = row.get("version", "") if row["system"] not in OURS else ""
    words = " ".join(filter(None, (name, version))) + comma + rest
    partial = f", {row['partial']}" if row["partial"] else ""
    return f"{words}{partial}{' ●' if row['durable'] else ''}"


TABLES: Mapping[str, Callable[[Content], str]] = {
    "browser": budget_table,
    "reads": plain_table,
    "push": plain_table,
    "notices": plain_table,
    "backup": plain_table,
    "stream": plain_table,
    "breadth": plain_table,
    "budget": budget_table,
    "peers": peers_table,
    "profile": profile_table,
}
