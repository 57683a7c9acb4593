"""The page among published files: the rankings as tables of plain HTML, without any code.

Every text is escaped, whatever a venue calls its markets (SECURITY.md S18). The policy stands in
the page itself, as a file server sends none.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

ROWS_MAX = 1_000  # of a table
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'"
_COLUMNS = {
    "rank": "Rank", "market": "Market", "value": "Value", "change_pct": "Change %",
    "sigma_rel": "σ relative", "sigma_ret": "σ of returns", "sigma_abs": "σ", "state": "State",
    "value_at": "Slot",
}  # fmt: skip
STYLE = b"""\
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 1rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 0.2rem 0.6rem; text-align: right; border-bottom: 1px solid #8884; }
th:nth-child(2), td:nth-child(2) { text-align: left; }
td { font-variant-numeric: tabular-nums; }
strong { letter-spacing: 0.1em; }
"""


def page_of(told: Mapping[str, Any]) -> bytes:
    """HTML of the published documents, by their names."""
    metrics = told["metrics.json"]
    rankings = [document for name, document in told.items() if name.startswith("ranking/")]
    links = " · ".join(f'<a href="{escape(name)}">{escape(name)}</a>' for name in told)
    demo = " <strong>DEMO: an invented market</strong>" if metrics["demo"] else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta http-equiv="refresh" content="60">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Sigmawatch</title><link rel="stylesheet" href="style.css"></head><body>'
        f"<h1>Sigmawatch{demo}</h1><p>As of {escape(metrics['as_of'])}</p>"
        f"{''.join(map(_table, rankings))}<p>{links}</p></body></html>\n"
    ).encode()


def _table(ranking: Mapping[str, Any]) -> str:
    caption = f"{ranking['metric']} by {ranking['by']} over {ranking['window']}"
    head = "".join(f"<th>{title}</th>" for title in _COLUMNS.values())
    rows = "".join(map(_row, ranking["items"][:ROWS_MAX]))
    return (f"<h2>{escape(caption)}</h2><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{rows}</tbody></table>")  # fmt: skip


def _row(row: Mapping[str, Any]) -> str:
    return "<tr>" + "".join(f"<td>{escape(_said(row[name]))}</td>" for name in _COLUMNS) + "</tr>"


def _said(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
