"""What a start has built is looked at by no later collection."""

import gc
import sys

import pytest

from sigmawatch.app.long_lived import starting


def test_what_was_there_is_no_longer_looked_at_and_what_comes_is() -> None:
    try:
        with starting():
            built: list[object] = [[]]
        came: list[object] = [[]]
        looked_at = {id(one) for one in gc.get_objects()}
        assert id(built) not in looked_at
        assert id(came) in looked_at
    finally:
        gc.unfreeze()


def test_collections_rest_while_a_start_lasts_and_go_on_however_it_ends() -> None:
    def failing() -> None:
        with starting():
            enabled.append(gc.isenabled())
            switch_s.append(sys.getswitchinterval())
            raise KeyError

    enabled: list[bool] = []
    switch_s = [sys.getswitchinterval()]
    with pytest.raises(KeyError):
        failing()
    assert enabled == [False]
    assert gc.isenabled()
    assert sys.getswitchinterval() == switch_s[0] > switch_s[1]
