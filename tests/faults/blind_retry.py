"""The program with the bug that the fault test must notice: after a lost connection it takes its
transaction for lost, and does not look at what is stored.

python -m tests.faults.blind_retry ARGUMENTS
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sigmawatch.adapters.ledgers import postgres
from sigmawatch.adapters.ledgers.statements import load_statements
from sigmawatch.app.cli import main


def blind_statements(dialect: str) -> Mapping[str, str]:
    sound = load_statements(dialect)
    blind = {
        name: re.sub(r"ON CONFLICT.*?DO NOTHING", "", sound[name], flags=re.DOTALL)
        for name in ("insert_frame", "insert_patch")
    }
    return {**sound, **blind, "outcome_of": "SELECT 'aborted' WHERE :transaction::text <> ''"}


if __name__ == "__main__":
    vars(postgres)["load_statements"] = blind_statements
    main()
