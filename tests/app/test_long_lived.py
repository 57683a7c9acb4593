"""What a start has built is looked at by no later collection."""

import gc

from sigmawatch.app.long_lived import set_apart


def test_what_was_there_is_no_longer_looked_at_and_what_comes_is() -> None:
    built: list[object] = [[]]
    try:
        set_apart()
        came: list[object] = [[]]
        looked_at = {id(one) for one in gc.get_objects()}
        assert id(built) not in looked_at
        assert id(came) in looked_at
    finally:
        gc.unfreeze()
