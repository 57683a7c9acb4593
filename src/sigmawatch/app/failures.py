"""What ended a group of tasks."""

from __future__ import annotations


def only(failure: BaseException) -> BaseException:
    """The one failure in a group of one, so that callers can catch it by its type."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure
