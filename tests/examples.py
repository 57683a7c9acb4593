"""How many examples a property test runs: few in the suite, many when asked.

@examples(25)
@given(...)                          25 in `make test`; 10,000 with HYPOTHESIS_PROFILE=deep
"""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> settings:
    """`count` examples, unless a profile other than the suite's own says how many."""
    suite = settings.get_current_profile_name() == "ci"
    return settings(max_examples=count) if suite else settings()
