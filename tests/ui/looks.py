"""How a page looks to a person and to a screen reader: pictures to look at, and axe's findings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hatch_build

if TYPE_CHECKING:
    from playwright.sync_api import Page

WHOLE = """() => !document.querySelector(".chart.waiting") &&
  [...document.querySelectorAll("[role=status]")].every(one => one.textContent !== "Loading") &&
  [...document.querySelectorAll(".pill b")].every(one => one.textContent === "Live")"""
AXE = hatch_build.WEB / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[Any]:
    """What breaks WCAG 2.1 A/AA on the page as it stands; where, and what to do."""
    page.evaluate(AXE.read_text("utf-8"))
    found: list[Any] = page.evaluate(
        """async () => {
          const rules = {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]};
          const {violations} = await axe.run(document, {runOnly: rules});
          return violations.map(one => [one.id, one.nodes.slice(0, 3).map(
            node => [node.html.slice(0, 160), node.failureSummary.slice(0, 200)])]);
        }"""
    )
    return found


def keep(page: Page, name: str, *, whole: bool = False) -> None:
    """A picture for people to look at, where they said where to put it. whole: once nothing is
    still being loaded."""
    if folder := os.environ.get("SIGMAWATCH_TEST_PICTURES"):
        if whole:
            page.wait_for_function(WHOLE)
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / name), full_page=True)
