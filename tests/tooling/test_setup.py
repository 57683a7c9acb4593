"""The set-up: one line for what goes wrong, nothing at all when nothing is to be done.

Each test has a checkout of its own and a PATH of its own, with an installer that only takes notes.
"""

import ast
import json
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from tests.pace import allowed_s

ROOT = Path(__file__).resolve().parents[2]
BASE = getattr(sys, "_base_executable", sys.executable)
PARTS = ("scripts/setup.py", "scripts/bootstrap", "pyproject.toml", "requirements", "sigmawatch",
         "hatch_build.py", "src/sigmawatch/app/formats.json", "web/index.html")  # fmt: skip
SKIP = {"SIGMAWATCH_BUILD_PAGE": "skip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A copy of the set-up's files, and the only folder on its PATH."""

    root: Path
    path: Path

    def tool(self, name: str, script: str) -> None:
        """Put a shell script on the PATH."""
        file = self.path / name
        file.write_text(f"#!{shutil.which('sh')}\n{dedent(script)}")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def start(self, *command: str, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command or ("scripts/bootstrap", "run"),
            cwd=self.root,
            env={"PATH": str(self.path), "HOME": str(self.path), **SKIP, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, **env: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*command, **env)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def installs(self) -> list[str]:
        """What the installer was asked for since the last look."""
        notes = self.path / "notes"
        lines = notes.read_text().splitlines() if notes.exists() else []
        notes.unlink(missing_ok=True)
        return [line for line in lines if line.startswith("pip install")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(root=tmp_path / "with space", path=tmp_path / "bin")
    made.path.mkdir()
    for part in PARTS:
        (made.root / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, made.root / part)
    for tool in ("dirname", "readlink", "cat", "mkdir", "sleep"):
        (made.path / tool).symlink_to(str(shutil.which(tool)))
    made.tool("python3", f'exec "{BASE}" "$@"')
    made.tool("uv", f'echo "$@" >> "{made.path}/notes"')
    return made


def without(module: str) -> str:
    """A Python that lacks a module, as a shell script."""
    return f"""
        case "$*" in *setup.py*) ;; *) exec "{BASE}" "$@" ;; esac
        while [ "${{1#-}}" != "$1" ]; do shift; done
        exec "{BASE}" -I -c "
        import runpy, sys
        sys.modules[{module!r}] = None
        sys.argv = sys.argv[1:]
        runpy.run_path(sys.argv[0], run_name='__main__')" "$@"
    """


OLD = f"""
    case "$*" in
        *version_info*) exit 1 ;;
        *setup.py*) exec "{BASE}" -c "
    import runpy, sys
    sys.version_info = (3, 8, 18, 'final', 0)
    runpy.run_path('scripts/setup.py', run_name='__main__')" ;;
    esac
"""


# One line for what goes wrong


def test_an_old_python_is_told_what_to_install(checkout: Checkout) -> None:
    checkout.tool("python3", dedent(OLD))
    done = checkout.run()
    assert done.returncode == 1
    assert done.stderr == (
        "sigmawatch needs Python 3.11 or newer: found 3.8; install e.g. python3.11 "
        "or set PYTHON=/path/to/python3.11\n"
    )


def test_an_old_python_can_read_the_script_that_tells_it() -> None:
    source = (ROOT / "scripts" / "setup.py").read_text()
    tree = ast.parse(source, feature_version=(3, 6))
    refusal = next(i for i, node in enumerate(tree.body) if isinstance(node, ast.If))
    before = [node for node in tree.body[:refusal] if isinstance(node, ast.ImportFrom | ast.Import)]
    assert [alias.name for node in before for alias in node.names] == ["sys"]


def test_no_python_at_all_is_one_line_too(checkout: Checkout) -> None:
    (checkout.path / "python3").unlink()
    done = checkout.run()
    assert done.returncode == 1
    assert "found none" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_python_setting_that_does_not_run_is_named(checkout: Checkout) -> None:
    done = checkout.run(PYTHON="/nowhere/python3.12")
    assert done.returncode == 1
    assert done.stderr.startswith("PYTHON=/nowhere/python3.12 does not run")
    assert done.stderr.count("\n") == 1


def test_a_missing_ensurepip_names_its_package(checkout: Checkout) -> None:
    (checkout.path / "uv").unlink()
    checkout.tool("python3", without("ensurepip"))
    done = checkout.run()
    assert done.returncode == 1
    version = "{}.{}".format(*sys.version_info[:2])
    assert f"apt install python{version}-venv" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (checkout.root / ".venv").exists()


def test_with_uv_ensurepip_is_not_needed(checkout: Checkout) -> None:
    checkout.tool("python3", without("ensurepip"))
    assert checkout.run().returncode == 0


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("error: Request failed after 3 retries", "the package registry does not answer"),
        ("error: Failed to download `x`\n  cause: Hash mismatch for `x`", "cause: Hash mismatch"),
        ("WARNING: new pip\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "DO NOT MATCH"),
        ("No space left on device", "No space left on device"),
    ],
)
def test_a_failing_install_is_one_line_and_the_log(
    checkout: Checkout, output: str, line: str
) -> None:
    checkout.tool("uv", f"[ $1 = pip ] || exit 0\ncat <<'END'\n{output}\nEND\nexit 1\n")
    done = checkout.run()
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("set-up: installing requirements/run.txt failed: ")
    assert line in last
    assert output in (checkout.root / ".venv" / "setup.log").read_text()


# The page


NODE = """
    [ "$1" = --version ] && echo v22.12.0 && exit 0
    exit 1
"""
BUILDS = """
    [ "$1" = run ] || exit 0
    mkdir -p "$4" && echo "$4" >> "$HOME/pages"
"""


def test_the_page_is_built_by_the_node_that_is_there_and_only_once(checkout: Checkout) -> None:
    checkout.tool("node", NODE)
    checkout.tool("npm", BUILDS)
    assert checkout.run(SIGMAWATCH_BUILD_PAGE="").returncode == 0
    built = checkout.root / "src/sigmawatch/app/web/built"
    assert (built / ".stamp").exists()
    assert checkout.run(SIGMAWATCH_BUILD_PAGE="").stderr == ""
    assert (checkout.path / "pages").read_text().splitlines() == [str(built)]


def test_a_change_of_the_pages_sources_or_its_loss_builds_it_anew(checkout: Checkout) -> None:
    checkout.tool("node", NODE)
    checkout.tool("npm", BUILDS)
    checkout.run(SIGMAWATCH_BUILD_PAGE="")
    checkout.installs()
    (checkout.root / "web" / "index.html").write_text("<!doctype html>other")
    checkout.run(SIGMAWATCH_BUILD_PAGE="")
    shutil.rmtree(checkout.root / "src/sigmawatch/app/web/built")
    checkout.run(SIGMAWATCH_BUILD_PAGE="")
    assert len((checkout.path / "pages").read_text().splitlines()) == 3
    assert checkout.installs() == []


def test_without_a_recent_node_its_wheel_is_installed_from_a_lock(checkout: Checkout) -> None:
    checkout.tool("node", "echo v18.20.1")
    checkout.tool("npm", "exit 0")
    checkout.run(SIGMAWATCH_BUILD_PAGE="")
    assert "--require-hashes --only-binary :all: -r requirements/page.txt" in checkout.installs()[2]


def test_a_page_that_cannot_be_built_is_told_and_the_set_up_holds(checkout: Checkout) -> None:
    """DASHBOARD.md 5: what failed, "network?", how to skip."""
    checkout.tool("node", NODE)
    checkout.tool("npm", "echo 'npm error code ENOTFOUND' >&2; exit 1")
    done = checkout.run(SIGMAWATCH_BUILD_PAGE="")
    assert done.returncode == 0
    told = next(line for line in done.stderr.splitlines() if "failed" in line)
    assert "the npm registry does not answer" in told
    assert "SIGMAWATCH_BUILD_PAGE=skip" in told
    assert (
        "building the page failed" in checkout.run(SIGMAWATCH_BUILD_PAGE="").stderr
    )  # tried again


# What is done, and when


def test_the_locks_are_installed_by_hash_as_wheels_and_then_the_project(checkout: Checkout) -> None:
    assert checkout.run("scripts/bootstrap", "dev").returncode == 0
    locked, project = checkout.installs()
    assert "--require-hashes --only-binary :all: -r requirements/dev.txt" in locked
    assert f"--no-deps --no-build-isolation --editable {checkout.root}" in project


def test_the_second_set_up_does_and_says_nothing(checkout: Checkout) -> None:
    checkout.run()
    checkout.installs()
    started = time.monotonic()
    done = checkout.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert checkout.installs() == []
    assert time.monotonic() - started < allowed_s(2.0)


def test_run_after_dev_takes_nothing_away(checkout: Checkout) -> None:
    checkout.run("scripts/bootstrap", "dev")
    checkout.installs()
    assert checkout.run("scripts/bootstrap", "run").stderr == ""
    assert checkout.installs() == []
    with (checkout.root / "requirements" / "run.txt").open("a") as lock:
        lock.write("# changed\n")
    checkout.run("scripts/bootstrap", "run")
    assert "requirements/dev.txt" in checkout.installs()[0]


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "requirements/run.txt", "requirements/dev.txt", "scripts/setup.py"]
)
def test_a_changed_input_is_installed_into_the_same_venv(checkout: Checkout, name: str) -> None:
    checkout.run()
    checkout.installs()
    (checkout.root / ".venv" / "kept").touch()
    with (checkout.root / name).open("a") as file:
        file.write("# changed\n")
    assert checkout.run().returncode == 0
    assert checkout.installs()
    assert (checkout.root / ".venv" / "kept").exists()


@pytest.mark.parametrize("stamp", [None, "", "[]", "{", '{"profile": "all"}'])
def test_a_venv_without_a_whole_stamp_is_made_anew(checkout: Checkout, stamp: str | None) -> None:
    checkout.run()
    checkout.installs()
    (checkout.root / ".venv" / "half-made").touch()
    (checkout.root / ".venv" / "setup.json").unlink()
    if stamp is not None:
        (checkout.root / ".venv" / "setup.json").write_text(stamp)
    assert checkout.run().returncode == 0
    assert checkout.installs()
    assert not (checkout.root / ".venv" / "half-made").exists()


def test_a_moved_checkout_is_made_anew(checkout: Checkout) -> None:
    checkout.run()
    checkout.installs()
    moved = Checkout(root=checkout.root.rename(checkout.root.parent / "moved"), path=checkout.path)
    assert moved.run().returncode == 0
    assert moved.installs()
    assert str(moved.root) in json.loads((moved.root / ".venv/setup.json").read_text())["place"]


def test_a_failed_set_up_is_repaired_by_the_next(checkout: Checkout) -> None:
    works = (checkout.path / "uv").read_text().partition("\n")[2]
    checkout.tool("uv", "[ $1 = pip ] && exit 1; exit 0")
    assert checkout.run().returncode == 1
    checkout.tool("uv", works)
    assert checkout.run().returncode == 0


def test_of_two_set_ups_at_once_one_works_and_one_waits(checkout: Checkout) -> None:
    notes, go = checkout.path / "notes", checkout.path / "go"
    checkout.tool("uv", f'echo "$@" >> "{notes}"; until [ -e "{go}" ]; do sleep 0.02; done')
    first = checkout.start()
    while not notes.exists():  # the first one asks for `uv --version`, holding the lock
        assert first.poll() is None
    second = checkout.start()
    assert second.stderr is not None
    assert "waiting for another set-up" in second.stderr.readline()
    go.touch()
    assert [process.wait(timeout=60) for process in (first, second)] == [0, 0]
    assert len(checkout.installs()) == 2  # the lock and the project, once each
    for process in (first, second):
        process.communicate()


def test_a_shim_that_does_not_run_is_passed_over(checkout: Checkout) -> None:
    checkout.tool("python3.13", "echo 'version not installed' >&2; exit 127")
    checkout.tool("uv", "exit 127")
    (checkout.path / "python3").unlink()
    checkout.tool("python3", without("ensurepip"))
    assert "apt install" in checkout.run().stderr  # python3 was asked, and pip was to be used


def test_the_program_gets_its_arguments_from_any_folder(checkout: Checkout) -> None:
    checkout.run()
    program = checkout.root / ".venv" / "bin" / "sigmawatch"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    link = checkout.path / "sw"
    link.symlink_to(checkout.root / "sigmawatch")
    done = checkout.run(str(link), "add", "KRAKEN:SOL/EUR", "two words")
    assert done.stdout == "add|KRAKEN:SOL/EUR|two words|"
