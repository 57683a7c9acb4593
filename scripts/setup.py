"""Set-up: makes .venv hold what the locks name, and this project. `setup.py run|dev|bench`.

Always holds: packages come only from requirements/*.txt, as wheels, checked by hash; a .venv
without a stamp is never trusted (an interrupted set-up is redone); two set-ups take turns; what
goes wrong is told in one line. Prints nothing, and takes a few milliseconds, when all is done.
The page is built last (hatch_build.py); where that fails the set-up holds, and the next one tries
the page again.

Standard library only, and readable by Python 3.6, so that an old one can say what it lacks.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "sigmawatch needs Python 3.11 or newer: found {}.{}; install e.g. python3.11 "
        "or set PYTHON=/path/to/python3.11".format(*sys.version_info[:2])
    )

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "setup.json"
LOG = VENV / "setup.log"
PROFILES = ("run", "dev", "bench")  # each holds the ones before it
LOCKS = tuple(f"requirements/{profile}.txt" for profile in PROFILES)
INPUTS = ("pyproject.toml", *LOCKS, "scripts/setup.py", "hatch_build.py")
PAGE_LOCK = "requirements/page.txt"
NO_ANSWER = ("connection", "failed to fetch", "request failed", "timed out", "certificate")


class SetupError(Exception):
    """What failed and what helps, in one line."""


def say(text: str) -> None:
    """To stderr: stdout belongs to the program that is set up."""
    print("set-up: " + text, file=sys.stderr, flush=True)


# What is there, what is wanted


def wanted(profile: str) -> dict[str, str]:
    """The stamp of a finished set-up: a .venv holds absolute paths and one Python's wheels."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    place = "{} {}".format(ROOT, sys.implementation.cache_tag)
    return {"place": place, "inputs": digest.hexdigest(), "profile": profile}


def page_build() -> ModuleType:
    """hatch_build.py, which needs nothing but Python to say what the page is made of."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("hatch_build", str(ROOT / "hatch_build.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page_there() -> bool:
    """Whether the page is what its sources say, or is not wanted."""
    page = page_build()
    return page.skipped() or bool(page.fresh())


def found() -> dict[str, str]:
    """The stamp in .venv; empty where there is none to trust."""
    try:
        stamp = json.loads(STAMP.read_bytes())
    except (OSError, ValueError):
        return {}
    whole = isinstance(stamp, dict) and stamp.get("profile") in PROFILES
    return stamp if whole and os.access(PYTHON, os.X_OK) else {}


def fresh(have: dict[str, str], want: dict[str, str]) -> bool:
    """Whether nothing is to be installed: same place, inputs, and at least the wanted profile."""
    same = all(have.get(key) == want[key] for key in ("place", "inputs"))
    return same and widest(have, want) == have["profile"]


def widest(have: dict[str, str], want: dict[str, str]) -> str:
    """A set-up never takes away: `run` after `dev` stays `dev`."""
    return max(have.get("profile", want["profile"]), want["profile"], key=PROFILES.index)


# Doing it


@contextmanager
def turn() -> Iterator[int]:
    """Our turn among concurrent set-ups; yields the descriptor that holds it.

    Children inherit it, so an installer that outlives a killed set-up still keeps the next out.
    """
    descriptor = os.open(str(ROOT / ".setup.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up to finish")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def run(what: str, command: list[str], *, lock: int, env: "dict[str, str] | None" = None) -> None:
    """One step; its output goes to the log, its first error into the one line we print. env: what
    its environment has beside ours."""
    import subprocess  # here: the fast path does without it

    with LOG.open("ab+") as log:
        start = log.tell()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            check=False,
        )
        log.seek(start)
        output = log.read().decode(errors="replace")
    if done.returncode:
        raise SetupError(f"{what} failed: {reason(output)} (all of it: {LOG})")


def reason(output: str) -> str:
    """What an installer's output says went wrong; pip blames the package when nobody answers."""
    silent = any(sign in output.lower() for sign in NO_ANSWER)
    return ("the package registry does not answer: " if silent else "") + first_error(output)


def first_error(output: str) -> str:
    """The line of an installer's output that says what failed, and its cause; else the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.lower().startswith(("error", "\N{MULTIPLICATION SIGN}")):
            return f"{line} {after}" if after.lower().startswith("cause") else line
    return lines[-1]


def environment() -> dict[str, str]:
    """Ours, less what would send packages elsewhere; uv trusts the machine's certificates too."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PIP_USER")}
    env.setdefault("UV_SYSTEM_CERTS", "true")
    env.setdefault("UV_NATIVE_TLS", "true")  # its name before uv 0.11
    cache = env.get("UV_CACHE_DIR") or env.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not writable(cache):
        env["UV_NO_CACHE"] = "true"  # uv fails where pip only warns
    return env


def writable(folder: str) -> bool:
    """Whether files can be made in the folder, which is made where that is possible."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def find_uv() -> str | None:
    """The uv on PATH, if it really runs (a version manager's shim may not)."""
    import shutil
    import subprocess

    uv = shutil.which("uv")
    if uv is None:
        return None
    runs = subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0
    return uv if runs else None


def need_ensurepip() -> None:
    """Debian keeps it in a package of its own."""
    from importlib.util import find_spec

    if find_spec("ensurepip") is None:
        version = "{}.{}".format(*sys.version_info[:2])
        raise SetupError(
            f"Python {version} here cannot put pip into .venv (no ensurepip): "
            f"apt install python{version}-venv"
        )


def create(uv: str | None, *, lock: int) -> None:
    """An empty .venv; whatever was there goes. uv needs no pip inside, so no ensurepip either."""
    import shutil

    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    base = getattr(sys, "_base_executable", None) or sys.executable  # we may run from .venv itself
    pip = ["--without-pip"] if uv else []
    run("making .venv", [base, "-I", "-m", "venv", *pip, str(VENV)], lock=lock)


def install(profile: str, *, uv: str | None, lock: int) -> None:
    """The locked packages, then this project as editable, built by the locked backend."""
    locked(f"requirements/{profile}.txt", uv=uv, lock=lock)
    project = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    later = {"SIGMAWATCH_BUILD_PAGE": "skip"}  # the page is a step of its own, which may fail
    run("installing sigmawatch itself", [*pip(uv), *project], lock=lock, env=later)


def locked(requirements: str, *, uv: str | None, lock: int) -> None:
    """The packages of a lock, as wheels, by their hashes."""
    flags = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", requirements]
    run(f"installing {requirements}", [*pip(uv), *flags], lock=lock)


def pip(uv: str | None) -> list[str]:
    """The command that installs into .venv."""
    if uv:
        return [uv, "pip", "install", "--python", str(PYTHON)]
    return [str(PYTHON), "-I", "-m", "pip", "install", "--no-input"]


def build_page(*, uv: str | None, lock: int) -> None:
    """Build the page, where it is not there yet. Without it the program runs."""
    if page_there():
        return
    say("building the page")
    try:
        if not page_build().node_on_path():
            locked(PAGE_LOCK, uv=uv, lock=lock)
        run("building the page", [str(PYTHON), "-I", str(ROOT / "hatch_build.py")], lock=lock)
    except SetupError as exc:
        say(f"{exc}; everything but the page works")


def set_up(profile: str) -> None:
    """Bring .venv to the profile. An unfinished one has no stamp, so the next set-up redoes it."""
    if fresh(found(), wanted(profile)) and page_there():
        return
    started = time.monotonic()
    with turn() as lock:
        have, want = found(), wanted(profile)
        if fresh(have, want) and page_there():
            return  # somebody else did it while we waited
        want["profile"] = widest(have, want)
        uv = find_uv()
        if not fresh(have, want):
            STAMP.unlink(missing_ok=True)
            fill(have, want, uv=uv, lock=lock)
            STAMP.write_text(json.dumps(want))
        build_page(uv=uv, lock=lock)
    say(f"ready in {time.monotonic() - started:.1f} s")


def fill(have: dict[str, str], want: dict[str, str], *, uv: str | None, lock: int) -> None:
    """Make .venv hold the profile; a new one where the old cannot be gone on with."""
    anew = have.get("place") != want["place"] or not (uv or pip_inside())
    if anew and not uv:
        need_ensurepip()
    say("installing into .venv with " + ("uv" if uv else "pip, about a minute the first time"))
    if anew:
        create(uv, lock=lock)
    install(want["profile"], uv=uv, lock=lock)


def pip_inside() -> bool:
    """Whether .venv has a pip of its own (not one that uv filled)."""
    return (VENV / "bin" / "pip").exists()


def main(arguments: list[str]) -> int:
    """Exit code 0 when .venv is ready, 1 with one line when it is not, 2 for wrong arguments."""
    if len(arguments) != 1 or arguments[0] not in PROFILES:
        say("usage: setup.py {}".format("|".join(PROFILES)))
        return 2
    try:
        set_up(arguments[0])
    except (SetupError, OSError) as exc:
        say(str(exc))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next one starts over")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
