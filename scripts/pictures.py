"""Sheets of pictures for docs/pictures, of what the browser's tests kept: every route, every state.

    SIGMAWATCH_TEST_PICTURES=kept .venv/bin/pytest tests/ui
    .venv/bin/python -m scripts.pictures kept
    .venv/bin/python -m scripts.pictures kept states states-phone

Drawn by the machine's own Chromium, as WebP; no picture on a sheet is larger than its cell.
"""

from __future__ import annotations

import base64
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).resolve().parent.parent / "docs" / "pictures"
ROUTES = ("markets", "m-kraken-btc-usd", "alerts", "alerts-rules", "alerts-history",
          "alerts-deliveries", "alerts-silences", "alerts-new", "venues", "inbox", "settings",
          "kiosk", "about", "sign-in", "set-up", "subscriptions-confirm")  # fmt: skip
STATES = ("first-look", "empty", "no-match", "no-market", "lost", "silent", "signed-out",
          "new-version", "storage", "venue-down", "partly-known", "failed",
          "may-only-look")  # fmt: skip
PARTS = ("patterns", "renamed", "paused", "venue-paused", "fail-over", "composite",
         "chart-compared", "chart-band")  # fmt: skip
SHEETS: Mapping[str, Sequence[str]] = {
    "routes-dark": [f"{one}-dark" for one in ROUTES],
    "routes-light": [f"{one}-light" for one in ROUTES],
    "routes-phone": [f"{one}-phone" for one in ROUTES],
    "states": [f"state-{one}-dark" for one in STATES],
    "states-phone": [f"state-{one}-phone" for one in STATES],
    "parts": PARTS,
}
DRAW = """async ({pictures, wide, high, columns}) => {
  const [gap, line] = [14, 20];
  const canvas = document.createElement("canvas");
  canvas.width = columns * (wide + gap) + gap;
  canvas.height = Math.ceil(pictures.length / columns) * (high + line + gap) + gap;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#3b4454";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.font = "13px sans-serif";
  pen.imageSmoothingQuality = "high";
  for (const [place, [name, source]] of pictures.entries()) {
    const x = gap + (place % columns) * (wide + gap);
    const y = gap + Math.floor(place / columns) * (high + line + gap);
    const image = new Image();
    image.src = source;
    await image.decode();
    const shown = Math.min(image.height, image.width * high / wide);
    pen.fillStyle = "#ffffff";
    pen.fillText(name, x, y + 13);
    pen.drawImage(image, 0, 0, image.width, shown, x, y + line, wide, shown * wide / image.width);
  }
  return canvas.toDataURL("image/webp", 0.8);
}"""


def main(folder: str, *names: str) -> None:
    """Write the sheets of these names, or all. Raises FileNotFoundError with the picture that the
    tests did not keep, KeyError where there is no such sheet."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        for name in names or SHEETS:
            found = _drawn(page, Path(folder), SHEETS[name], phone=name.endswith("phone"))
            (DOCS / f"{name}.webp").write_bytes(found)
            sys.stdout.write(f"{name}.webp {len(found):,} bytes\n")
        browser.close()


def _drawn(page: Page, folder: Path, pictures: Sequence[str], *, phone: bool) -> bytes:
    wide, high, columns = (200, 433, 8) if phone else (420, 263, 4)
    named = [(_label(one), _source(folder / f"{one}.png")) for one in pictures]
    asked = {"pictures": named, "wide": wide, "high": high, "columns": columns}
    told: str = page.evaluate(DRAW, asked)
    return base64.b64decode(told.partition(",")[2])


def _label(picture: str) -> str:
    return re.sub(r"^state-|-(dark|light|phone)$", "", picture)


def _source(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()


if __name__ == "__main__":
    main(*sys.argv[1:])
