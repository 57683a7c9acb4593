"""`python -m benchmarks [NAME …]`: run the named benchmarks, or every one.

A benchmark is a module of this folder with `main() -> None`, which prints one table.
"""

import sys
from importlib import import_module
from pathlib import Path

NAMES = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


def main(wanted: list[str]) -> int:
    """Exit code 2, with what there is, where a name is not one of them."""
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES) or 'none yet'}")
        return 2
    for name in wanted or NAMES:
        print(f"== {name}", flush=True)
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
