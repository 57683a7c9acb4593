"""`python -m benchmarks NAME … [OPTION …]`: run the named benchmarks; options go to the last one.

A benchmark is a module or package here with `main`, which prints one table. Without a name it is
`report`: everything docs/benchmarks.md says is measured, and written there.
"""

import os
import sys
from importlib import import_module
from itertools import takewhile
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted({"budget", "peers"} | {file.stem for file in HERE.glob("[!_]*.py")})
DETAILS = "Their options: python -m benchmarks NAME --help."


def main(arguments: list[str]) -> int:
    """Exit code 2, with what there is, where a name is not one of them."""
    os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")  # as the program has it: app.start
    names = list(takewhile(lambda word: not word.startswith("-"), arguments))
    options = arguments[len(names) :]
    if options in (["-h"], ["--help"]) and not names:
        print(f"{__doc__}\nThere are: {', '.join(NAMES)}. {DETAILS}")
        return 0
    names = names or ["report"]
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}")
        return 2
    for name in names:
        print(f"== {name}", flush=True)
        run = import_module(f"benchmarks.{name}").main
        if options and name == names[-1]:
            run(options)
        else:
            run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
