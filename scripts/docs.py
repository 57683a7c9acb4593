"""Documentation that cannot rot.

`python -m scripts.docs` writes the generated pages, `python -m scripts.docs --check` verifies.

Checked: every relative link in a tracked *.md file leads somewhere, every `make verb` in it is a
verb of the Makefile, and every generated page, and the Python client (scripts/client.py), is what
its generator writes today.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scripts import (
    channels_reference,
    client,
    reference,
    telemetry_reference,
    venue_faults_reference,
    web_types,
)

ROOT = Path(__file__).resolve().parent.parent

# Pages written from the code: path below the root -> what writes it.
GENERATED: Mapping[str, Callable[[], str]] = {
    "docs/reference/channels.md": channels_reference.channels_page,
    "docs/reference/cli.md": reference.cli_page,
    "docs/reference/configuration.md": reference.configuration_page,
    "docs/reference/rules-file.md": reference.rules_file_page,
    "docs/reference/telemetry.md": telemetry_reference.telemetry_page,
    "docs/reference/venue-faults.md": venue_faults_reference.venue_faults_page,
    "web/src/data/contract.ts": web_types.types_page,
}

LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)[^)]*\)|!\[[^\]]*\]\(([^)\s]+)[^)]*\)")
MAKE = re.compile(r"`make ([a-z][\w-]*)|^ {4,}make ([a-z][\w-]*)", re.MULTILINE)
VERB = re.compile(r"^([a-z][\w-]*):", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)


def dead_links(text: str, *, page: Path) -> Iterator[str]:
    """Relative links of a page to a missing file or heading."""
    for match in LINK.finditer(FENCE.sub("", text)):
        link = match[1] or match[2]
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue  # another site's links are not ours to promise
        target = page.parent / path if path else page
        if not target.exists():
            yield f"{link} leads nowhere"
        elif anchor and target.suffix == ".md" and anchor not in _anchors(target):
            yield f"{link}: no such heading"


def unknown_verbs(text: str, *, verbs: frozenset[str]) -> Iterator[str]:
    """What a page tells the reader to `make` that the Makefile does not know."""
    for match in MAKE.finditer(text):
        verb = match[1] or match[2]
        if verb not in verbs:
            yield f"make {verb}: no such verb in the Makefile"


def stale_pages() -> Iterator[str]:
    """Generated pages and modules that differ from what their generator writes now."""
    for path, generate in GENERATED.items():
        page = ROOT / path
        if not page.exists() or page.read_text("utf-8") != generate():
            yield f"{path}: stale; run `make docs`"
    for path in client.stale():
        yield f"{path}: not what the API's contract says today; run `make docs`"


def problems() -> list[str]:
    """Everything wrong with the documentation in this checkout."""
    verbs = frozenset(VERB.findall((ROOT / "Makefile").read_text("utf-8")))
    found = list(stale_pages())
    for page in _pages():
        text = page.read_text("utf-8")
        faults = [*dead_links(text, page=page), *unknown_verbs(text, verbs=verbs)]
        found += [f"{page.relative_to(ROOT)}: {fault}" for fault in faults]
    return found


def write() -> None:
    """Write every generated page, and the Python client."""
    client.write()
    for path, generate in GENERATED.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(generate(), "utf-8")
        print(f"wrote {path}")


def _pages() -> list[Path]:
    """The tracked pages; outside a checkout, those at the root and in docs/."""
    command = ["git", "ls-files", "-z", "--", "*.md"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listing.returncode:
        return [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    names = [name for name in listing.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).exists()]


def _anchors(page: Path) -> set[str]:
    """The headings of a page as links name them: lower case, dashes, no punctuation."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: python -m scripts.docs [--check]")
    if not sys.argv[1:]:
        write()
    faults = problems()
    print("\n".join(faults) or "docs: every link and verb holds")
    sys.exit(bool(faults))
