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


def brownian(keys: Bits, minutes: range) -> Floats:
    """float64[minutes + 1, keys]: the walk at the opens of the minutes and at the last close.

    Unit: standard deviations of one minute. Elementwise arithmetic only, so the value of a
    minute does not depend on the span it was asked with.
    """
    assert len(minutes) > 0
    first, last = minutes[0], minutes[-1]
    index = np.arange(first >> _COARSEST, (last >> _COARSEST) + 2, dtype=np.int64)
    values: Floats = bell(bits(stream(keys, _COARSEST), index)) * 2.0 ** ((_COARSEST - 1) / 2)
    for level in range(_COARSEST - 1, -1, -1):
        above = index[0]
        index = np.arange(first >> level, (last >> level) + 2, dtype=np.int64)
        left, right = values[(index >> 1) - above], values[((index + 1) >> 1) - above]
        values = (left + right) * 0.5
        odd = 1 - int(index[0]) % 2
        values[odd::2] += _displaced(keys, index[odd::2], level=level)
    return values


def _displaced(keys: Bits, index: Ints, *, level: int) -> Floats:
    """How far the midpoints lie off the line between their neighbours."""
    draw = heavy if level < _HEAVY_BELOW else bell
    off: Floats = draw(bits(stream(keys, level), index)) * 2.0 ** ((level - 1) / 2)
    return off


def jumps(keys: Bits, minutes: range) -> Floats:
    """float64[minutes + 1, keys]: the steps on top of the walk, in the same unit."""
    steps = np.zeros((len(minutes) + 1, keys.size))
    edges = np.arange(minutes[0], minutes[-1] + 2, dtype=np.int64)
    oldest = minutes[0] // _JUMP_EVERY_MINUTES - _JUMPS_BACK
    span = range(oldest, (minutes[-1] + 1) // _JUMP_EVERY_MINUTES + 1)
    random = bits(stream(keys, _COARSEST + 1), np.arange(span.start, span.stop, dtype=np.int64))
    happens = field(random, 0) < _JUMP_PROBABILITY
    for row, epoch in enumerate(span):
        which = np.flatnonzero(happens[row])
        if which.size:
            begin = (epoch + field(random[row, which], 1)) * _JUMP_EVERY_MINUTES
            steps[:, which] += _size(random[row, which]) * _fading(edges, begin)
    return steps


def _size(random: Bits) -> Floats:
    signed = (field(random, 2) - 0.5) * 2.0
    return signed * 90.0 + np.where(signed > 0.0, 8.0, -8.0)


def _fading(edges: Ints, begin: Floats) -> Floats:
    """0 before, 1 at the begin, then falling evenly to 0; [edges, jumps]."""
    age = edges[:, None] - begin[None, :]
    return np.where(age >= 0.0, np.maximum(1.0 - age / _JUMP_FADES_MINUTES, 0.0), 0.0)


def growth(log: Floats) -> Floats:
    """exp by ten squarings: monotone, positive, and the same bits on every processor."""
    value: Floats = 1.0 + log * (1.0 / 1024.0)
    for _ in range(10):
        value *= value
    return value
