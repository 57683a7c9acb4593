"""The Python client, written from the API's contract: `python -m scripts.client`.

The OpenAPI document that the program serves, with what the stream tells beside it, becomes the
modules of src/sigmawatch/client/v1: what is answered (models), what is asked (operations), and
a method for each operation, once to block and once to await. A module a tag, so none grows too
long. `make docs` writes them too; `make check` fails where they are not what is written today.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from scripts.client_contract import contract
from scripts.client_methods import method_modules
from scripts.client_models import model_modules
from scripts.client_operations import operation_modules

ROOT = Path(__file__).resolve().parent.parent
PLACE = "src/sigmawatch/client/v1"
# Ours, wherever it lies; and an import that fits a line stands on one.
SETTINGS = (
    "--config", 'lint.isort.known-first-party = ["sigmawatch"]',
    "--config", "lint.isort.split-on-trailing-comma = false",
    "--config", "format.skip-magic-trailing-comma = true",
)  # fmt: skip
RUFF = Path(sys.executable).with_name("ruff")


@cache
def files() -> Mapping[str, str]:
    """Path below the root -> content of every generated module."""
    described = contract()
    texts = {
        **model_modules(described), **operation_modules(described), **method_modules(described),
    }  # fmt: skip
    texts["__init__.py"] = '"""Version 1 of the API, written from its contract."""\n'
    return {f"{PLACE}/{path}": text for path, text in _formatted(texts).items()}


def stale() -> Iterator[str]:
    """The modules that are not what would be written now, those that nothing writes included."""
    for path, text in files().items():
        if not (ROOT / path).exists() or (ROOT / path).read_text("utf-8") != text:
            yield path
    yield from _left_over()


def write() -> None:
    """Write them, and remove what is generated no more."""
    for path in _left_over():
        (ROOT / path).unlink()
    for name, text in files().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, "utf-8")


def _left_over() -> list[str]:
    """What was generated once and is no more."""
    found = [path.relative_to(ROOT).as_posix() for path in (ROOT / PLACE).rglob("*.py")]
    return sorted(set(found) - files().keys())


def _formatted(texts: Mapping[str, str]) -> dict[str, str]:
    """As our own formatter leaves them: imports that are used, in order, lines that fit."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in texts.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", "--quiet", *SETTINGS]
        tidied = ["check", "--fix-only", "--select", "I,F401", folder]
        for command in (tidied, ["format", folder]):
            subprocess.run([RUFF, *command, *config], cwd=ROOT, check=True)
        return {path: (Path(folder) / path).read_text("utf-8") for path in texts}


if __name__ == "__main__":
    write()
