"""What the page takes of a browser is told from counters that only grow."""

import gzip
from typing import Any

from benchmarks.browser import figures_of, gzipped_bytes


def look(at_s: float, **counters: float) -> dict[str, Any]:
    fixed = {"heap": 3.4e6, "nodes": 1_100.0, "listeners": 80.0, "task": 0.0, "browser": 0.0}
    return {"at_s": at_s, "script": 0.0, **fixed, **counters}


def test_a_second_is_told_from_what_the_first_and_last_look_have_seen() -> None:
    looks = [look(10.0, script=2.0), look(40.0, script=9.0), look(70.0, script=2.9, heap=3.5e6)]
    told = {"first_row_ms": [300.0, 400.0, 900.0], "looks": looks}
    figures = {one.what: one for one in figures_of(told, script_bytes=91_000)}
    assert round(figures["script, of each second"].value, 6) == 15.0
    assert figures["script, of each second"].verdict == "must held"
    assert figures["first row after navigation, nothing cached"].value == 400.0
    assert figures["heap after 1 min"].cells()[3] == "3.50 MB"
    assert figures["heap after 1 min"].verdict == "must held"
    assert figures["nodes at first"].cells()[3] == "1,100"
    assert figures["JavaScript of all routes, gzip"].cells()[-1] == "**over**"


def test_a_heap_that_grows_is_told() -> None:
    looks = [look(10.0), look(70.0, heap=1.3 * 3.4e6)]
    figures = figures_of({"first_row_ms": [300.0] * 3, "looks": looks}, script_bytes=1)
    [after] = [one for one in figures if one.what == "heap after 1 min"]
    assert after.cells()[-1] == "**over**"


def test_javascript_is_counted_as_it_is_sent_and_nothing_else_is() -> None:
    script = b"let a = 1;" * 500
    built = {"index-1.js": script, "index-1.js.gz": b"x" * 70, "w.js": script, "style.css": script}
    assert gzipped_bytes(built) == 70 + len(gzip.compress(script))
