"""The page's sources, its lock, and what is built of them: bounds and what must not be in there.

Built files are looked at where there are any: `make test` builds them, and says why where it could
not.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import hatch_build
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for path in (ROOT / "web" / "src").rglob("*.*") if path.suffix != ".svg")
NAMESPACE = re.compile(r"https?://www\.w3\.org/[\w/]+")  # the name of a vocabulary, never fetched
FIRST_KB_MAX, MARKETS_KB_MAX, ALL_KB_MAX = 30.0, 60.0, 85.0
BROUGHT = re.compile(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")
UNSAFE = r"outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"


@pytest.fixture(scope="module")
def built() -> Path:
    if not hatch_build.fresh():
        if os.environ.get("SIGMAWATCH_TEST_UI") == "required":
            pytest.fail("the page is not built; run: python hatch_build.py")
        pytest.skip("the page is not built; run: python hatch_build.py")
    return hatch_build.BUILT


def _texts(folder: Path, *endings: str) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir()):
        if path.suffix in endings:
            yield path.name, path.read_text("utf-8")


def test_the_lock_names_no_host_and_checks_every_package() -> None:
    """DASHBOARD.md 5: test: no `://` in the lock; integrity still enforced."""
    text = (ROOT / "web" / "package-lock.json").read_text("utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert all(
        one.get("integrity", "").startswith("sha512-") for name, one in packages.items() if name
    )


def test_no_package_of_the_page_runs_anything_when_it_is_installed() -> None:
    packages = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))["packages"]
    assert not [name for name, one in packages.items() if one.get("hasInstallScript")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_source_writes_text_only_and_keeps_to_the_house_style(path: Path) -> None:
    """SECURITY.md S18: names are inert text everywhere. STYLE.md: modules of 400 lines at most."""
    text = path.read_text("utf-8")
    assert not re.search(f"innerHTML|InnerHTML|{UNSAFE}", text)
    assert path.name == "contract.ts" or text.count("\n") <= 400
    assert "http://" not in text
    assert path.suffix != ".css" or not re.search(r"animation|@keyframes|transition|infinite", text)


def test_the_built_page_names_no_other_host(built: Path) -> None:
    for name, text in _texts(built, ".js", ".css", ".html", ".json", ".svg"):
        assert not re.search(r"https?://|[\"'(]//\w", NAMESPACE.sub("", text)), name
        assert not re.search(UNSAFE, text), name


def test_nothing_built_is_animated(built: Path) -> None:
    """DASHBOARD.md 2.1: animations cost ten times the whole rest of the page."""
    for name, text in _texts(built, ".css"):
        assert not re.search(r"animation|@keyframes|transition", text), name


def test_what_a_first_look_fetches_is_small_and_so_is_everything(built: Path) -> None:
    """docs/decisions/0030: the table, the market beside it with its chart, every route."""
    size = {name: len(gzip.compress(text.encode(), 9)) for name, text in _texts(built, ".js")}
    worker = next(name for name in size if name.startswith("worker"))
    panel = next(name for name in size if name.startswith("panel"))
    (begun,) = re.findall(r'src="\./static/([^"]+)', (built / "index.html").read_text("utf-8"))
    first = _brought(built, begun) | {worker}
    assert panel not in first
    assert _kb(first, size) <= FIRST_KB_MAX
    assert _kb(first | _brought(built, panel), size) <= MARKETS_KB_MAX
    assert _kb(size, size) <= ALL_KB_MAX


def _kb(names: Iterable[str], size: Mapping[str, int]) -> float:
    return sum(size[name] for name in names) / 1000


def _brought(built: Path, name: str) -> set[str]:
    """A script and what it cannot run without."""
    found, waiting = set[str](), [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += BROUGHT.findall((built / name).read_text("utf-8"))
    return found


def test_every_bundled_package_has_its_licence_in_the_page(built: Path) -> None:
    told = {one["name"]: one for one in json.loads((built / "licences.json").read_text("utf-8"))}
    wanted = json.loads((ROOT / "web" / "package.json").read_text("utf-8"))["dependencies"]
    assert set(told) == set(wanted)
    assert all(len(one["text"]) > 500 and one["licence"] for one in told.values())


MADE = """
import { build } from "vite";
const made = await build({
  configFile: false, logLevel: "silent",
  build: { write: false, minify: false, lib: { entry: process.argv.at(-2), formats: ["es"] } },
});
const code = made[0].output[0].code;
const part = await import("data:text/javascript," + encodeURIComponent(code));
const cases = JSON.parse(process.argv.at(-1));
"""
FORMATS = """
const told = Object.entries(cases).map(([kind, all]) =>
  [kind, all.map(([value]) => [value, part[kind](value)])]);
console.log(JSON.stringify(Object.fromEntries(told)));
"""
ORDERS = """
const keys = (all) => Float64Array.from(all, (one) => Number(one));
console.log(JSON.stringify(cases.map((all) => part.byKeys([...all.keys()], keys(all)))));
"""


def test_numbers_read_on_the_page_as_they_do_in_python(built: Path) -> None:
    """DASHBOARD.md 8: the format table is read by both; tests/app/test_formats.py is the other."""
    cases = json.loads((ROOT / "tests" / "web" / "formats.json").read_text("utf-8"))
    assert _told("src/lib/format.ts", FORMATS, cases) == cases


def test_rows_are_in_the_order_of_their_keys(built: Path) -> None:
    """Ties stay as they were, what is unknown is last, whatever the sign and the size."""
    rng = random.Random(7)
    special = ["0", "-0", "Infinity", "-Infinity", "NaN", "1", "1", "-1", "5e-324", "-5e-324"]
    cases = [
        [rng.choice(special) if rng.random() < 0.3 else repr(rng.uniform(-1, 1) * 10.0**power)
         for power in rng.choices(range(-300, 300), k=size)]
        for size in (0, 1, 2, 7, 300, 2_000)
    ]  # fmt: skip
    cases.append([str(1 + 7_919 * place % 2_000) for place in range(2_000)])
    assert _told("src/data/radix.ts", ORDERS, cases) == [_in_order(keys) for keys in cases]


def _in_order(keys: Sequence[str]) -> list[int]:
    unknown = [key == "NaN" for key in keys]
    values = [0.0 if key == "NaN" else float(key) for key in keys]
    return sorted(range(len(keys)), key=lambda row: (unknown[row], values[row]))


def _told(part: str, script: str, cases: object) -> object:
    """What `script` says of `cases` with a part of the page's sources."""
    node = hatch_build.Node.found().node
    done = subprocess.run(
        [node, "--input-type=module", "--eval", MADE + script, part, json.dumps(cases)],
        cwd=ROOT / "web", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
