"""House style as numbers: this checkout keeps them, and the checker notices what does not."""

from textwrap import dedent

import pytest
from scripts import tidy


def measured(source: str) -> dict[str, int]:
    """limit -> value of the one function in the source (and of the module)."""
    return {m.limit: m.value for m in tidy.measure(dedent(source).strip() + "\n", "m.py")}


def verdict(source: str, known: dict[str, dict[str, int]] | None = None) -> list[str]:
    return list(tidy.judge(list(tidy.measure(dedent(source), "m.py")), known or {}))


def test_this_checkout_is_tidy() -> None:
    assert tidy.problems() == []


@pytest.mark.parametrize(
    ("source", "limit", "value"),
    [
        ("x = 1\n" * 401, "module_lines", 401),
        ("x = '" + "y" * 95 + "'", "line_columns", 101),
        ("def f():\n" + "    x = 1\n" * 60, "function_lines", 61),
        ("async def f():\n" + "    x = 1\n" * 60, "function_lines", 61),
        ("def f(a, b, *, c, d, e, f): ...", "parameters", 6),
        ("def f(a, b, c): ...", "positional", 3),
        ("def f(a, /, b, c): ...", "positional", 3),
        ("class C:\n    def __init__(self, a, b, c): ...", "positional", 3),
    ],
)
def test_what_breaks_a_limit_is_measured_and_named(source: str, limit: str, value: int) -> None:
    assert measured(source)[limit] == value
    assert any(f"{limit} is {value}" in line for line in verdict(source))


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        ("pass", 0),
        ("if a:\n  pass\nelif b:\n  pass\nelif c:\n  pass\nelse:\n  pass", 1),
        ("if a:\n  pass\nelse:\n  if b:\n    pass\n  c()", 2),
        ("if a:\n  pass\nelif b:\n  for x in y:\n    pass", 2),
        ("while a:\n  async with b:\n    try:\n      pass\n    except E:\n      if c: pass", 4),
        ("match a:\n  case 1:\n    if b: pass", 2),
        ("for x in y:\n  def inner():\n    if a: pass", 1),
        ("try:\n  pass\nfinally:\n  with a:\n    pass", 2),
    ],
)
def test_nesting_counts_blocks_within_blocks(body: str, depth: int) -> None:
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    places = {
        m.place: m.value
        for m in tidy.measure(f"async def f():\n{indented}", "m.py")
        if m.limit == "nesting"
    }
    assert places["m.py::f"] == depth


@pytest.mark.parametrize(
    "source",
    [
        "@app.command()\ndef f(a, b, c, d, e, g): ...",
        "@get('/ranking')\nasync def f(a, b, c): ...",
        "class C:\n    def __exit__(self, kind, exc, trace): ...",
        "async def app(scope, receive, send): ...",
        "def f(self, a, b, *, c, d, e): ...",
    ],
)
def test_who_does_not_choose_its_parameters_may_have_more(source: str) -> None:
    assert verdict(source) == []


def test_a_known_exception_must_be_exact_and_needed() -> None:
    long = "def f():\n" + "    x = 1\n" * 70

    def entry(value: int) -> dict[str, dict[str, int]]:
        return {"function_lines": {"m.py::f": value}}

    assert verdict(long, entry(71)) == []
    assert "grew from 70 to 71" in verdict(long, entry(70))[0]
    assert "down to 71" in verdict(long, entry(72))[0]
    assert "remove the entry" in verdict("def f(): ...", entry(71))[0]
    assert "remove the entry" in verdict("", entry(71))[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements/run.txt", "--index-url https://" + "pypi" + ".org/simple"),
        ("web/package-lock.json", '"resolved": "https://registry.' + "npmjs" + '.org/x"'),
        ("a.md", "see " + "/root" + "/notes"),
        ("a.md", "--find-links " + "file:" + "///opt/wheels"),
        ("a.md", f"cd {tidy.ROOT}/src"),
        ("a.md", "text\n" + "<" * 7 + " HEAD\n"),
        ("a.md", ">" * 7 + " 1194d37 (docs: a page)"),
        ("uv.lock", ""),
        ("deploy/.env", ""),
    ],
)
def test_hosts_machines_merges_and_foreign_locks_stay_out_of_git(path: str, text: str) -> None:
    assert list(tidy.hygiene({path: text.encode()}))


def test_ordinary_text_is_let_in() -> None:
    text = "src/root/x https://semver.org .env.example app/wiring.py"
    assert list(tidy.hygiene({"a.md": text.encode(), "b.png": b"\0/root" + b"/"})) == []


def test_the_locks_name_no_address_and_pin_by_hash() -> None:
    for lock in sorted((tidy.ROOT / "requirements").glob("*.txt")):
        text = lock.read_text()
        assert "://" not in text
        entries = [line for line in text.splitlines() if line[:1].isalnum()]
        assert entries
        assert all("==" in entry and entry.endswith("\\") for entry in entries)
        assert not [line for line in text.splitlines() if line.startswith("-")]


def test_dev_locks_everything_run_does_at_the_same_version() -> None:
    def pins(name: str) -> set[str]:
        lines = (tidy.ROOT / "requirements" / name).read_text().splitlines()
        return {line for line in lines if line[:1].isalnum() or "--hash" in line}

    assert pins("run.txt") <= pins("dev.txt")
