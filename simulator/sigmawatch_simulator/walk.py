"""The log price of an asset at any minute, in O(log) steps and without a beginning.

Levy's construction: independent values on a lattice of 2^16 minutes (45 days), Brownian bridges
between them by halving. Locally an exact random walk with unit variance per minute, over years
bounded around 0; any span can be asked for first. Fine levels have heavy tails; a jump process
of rare steps that fade within twelve hours lies on top.
"""

import numpy as np

from sigmawatch_simulator.arrays import Bits, Floats, Ints
from sigmawatch_simulator.noise import bell, bits, field, heavy, stream

_COARSEST = 16
_HEAVY_BELOW = 4
_JUMP_EVERY_MINUTES = 360
_JUMP_FADES_MINUTES = 720
_JUMP_PROBABILITY = 0.06
_JUMPS_BACK = _JUMP_FADES_MINUTES // _JUMP_EVERY_MINUTES


def brownian(keys: Bits, first: int, count: int) -> Floats:
    """float64[count + 1, keys]: the walk at the opens of the minutes and at the last close.

    Unit: standard deviations of one minute. Elementwise arithmetic only, so the value of a
    minute does not depend on the span it was asked with.
    """
    assert count > 0
    last = first + count - 1
    low = first >> _COARSEST
    index = np.arange(low, (last >> _COARSEST) + 2, dtype=np.int64)
    values = bell(bits(stream(keys, _COARSEST), index)) * 2.0 ** ((_COARSEST - 1) / 2)
    for level in range(_COARSEST - 1, -1, -1):
        low_above, low = low, first >> level
        index = np.arange(low, (last >> level) + 2, dtype=np.int64)
        values = _halved(values, index, low_above, keys, level)
    return values


def _halved(above: Floats, index: Ints, low: int, keys: Bits, level: int) -> Floats:
    values = above[(index >> 1) - low]
    values += above[((index + 1) >> 1) - low]
    values *= 0.5
    odd = 1 - int(index[0]) % 2
    draw = heavy if level < _HEAVY_BELOW else bell
    random = bits(stream(keys, level), index[odd::2])
    values[odd::2] += draw(random) * 2.0 ** ((level - 1) / 2)
    return values


def jumps(keys: Bits, first: int, count: int) -> Floats:
    """float64[count + 1, keys]: the steps on top of the walk, in the same unit."""
    steps = np.zeros((count + 1, keys.size))
    minutes = np.arange(first, first + count + 1, dtype=np.int64)
    span = range(first // _JUMP_EVERY_MINUTES - _JUMPS_BACK, minutes[-1] // _JUMP_EVERY_MINUTES + 1)
    random = bits(stream(keys, _COARSEST + 1), np.arange(span.start, span.stop, dtype=np.int64))
    happens = field(random, 0) < _JUMP_PROBABILITY
    for row, epoch in enumerate(span):
        which = np.flatnonzero(happens[row])
        if which.size:
            steps[:, which] += _fading(random[row, which], epoch, minutes)
    return steps


def _fading(random: Bits, epoch: int, minutes: Ints) -> Floats:
    at = (epoch + field(random, 1)) * _JUMP_EVERY_MINUTES
    signed = (field(random, 2) - 0.5) * 2.0
    size = signed * 90.0 + np.where(signed > 0.0, 8.0, -8.0)
    age = minutes[:, None] - at[None, :]
    kept = np.where(age >= 0.0, np.maximum(1.0 - age / _JUMP_FADES_MINUTES, 0.0), 0.0)
    return kept * size[None, :]


def growth(log: Floats) -> Floats:
    """exp by ten squarings: monotone, positive, and the same bits on every processor."""
    value = 1.0 + log * (1.0 / 1024.0)
    for _ in range(10):
        value *= value
    return value
