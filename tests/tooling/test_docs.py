"""The documentation check: this checkout passes it, and it notices what rots."""

from pathlib import Path

import pytest
from scripts import docs


def test_this_checkouts_documentation_holds() -> None:
    assert docs.problems() == []


@pytest.mark.parametrize(
    "link",
    ["page.md", "./page.md", "page.md#a-heading-of-it", "#here", "https://semver.org/", "folder/"],
)
def test_a_link_that_leads_somewhere_is_fine(tmp_path: Path, link: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "page.md").write_text("# Page\n\n## A heading of `it`\n")
    (tmp_path / "index.md").write_text(text := f"# Here\n\nSee [this]({link}).\n")
    assert list(docs.dead_links(text, page=tmp_path / "index.md")) == []


@pytest.mark.parametrize("link", ["gone.md", "folder/gone.png", "index.md#gone", "#gone"])
def test_a_dead_link_is_named(tmp_path: Path, link: str) -> None:
    (tmp_path / "index.md").write_text(text := f"# Here\n\nSee [this]({link}), ![that]({link}).\n")
    faults = list(docs.dead_links(text, page=tmp_path / "index.md"))
    assert len(faults) == 2
    assert all(link in fault for fault in faults)


def test_a_link_in_an_example_is_not_a_promise(tmp_path: Path) -> None:
    text = "```\n[x](gone.md)\n```\n"
    assert list(docs.dead_links(text, page=tmp_path / "index.md")) == []


def test_a_verb_that_the_makefile_lacks_is_named() -> None:
    text = "Type `make test` or `make it-so ARGS=1`:\n\n    make deploy\n\nand make do.\n"
    faults = list(docs.unknown_verbs(text, verbs=frozenset({"test"})))
    assert [fault.split(":")[0] for fault in faults] == ["make it-so", "make deploy"]
