"""Noise without state: a random number for any (key, index), the same in every order of asking.

Only integer arithmetic, sums, products and square roots: no transcendental function, so the same
seed gives the same bytes on every processor and for every shape of the question.
"""

import hashlib

import numpy as np

from sigmawatch_simulator.arrays import Bits, Floats, Ints

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_EVERY_OTHER = np.uint64(0x0000FFFF0000FFFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_LOW_FIELD = np.uint64(0xFFFF)
_BELL_SCALE = 1.0 / (65_536.0 * 3.0**-0.5)


def key_of(*parts: object) -> int:
    """A 64-bit key for a name: equal parts give the equal key in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def keys_of(seed: int, kind: str, *, names: list[str]) -> Bits:
    """uint64[names], one key per name."""
    return np.array([key_of(seed, kind, name) for name in names], dtype=np.uint64)


def stream(keys: Bits, number: int) -> Bits:
    """An independent set of keys, for another purpose of the same names."""
    drawn: Bits = bits(keys, np.array([-1 - number], dtype=np.int64))[0]
    return drawn


def bits(keys: Bits, index: Ints) -> Bits:
    """uint64[index, keys], 64 random bits per pair (the finaliser of splitmix64)."""
    x: Bits = keys[None, :] + (index.astype(np.uint64) * _GOLDEN)[:, None]
    return mixed(x)


def mixed(x: Bits) -> Bits:
    """Scrambles in place and returns the argument."""
    x ^= x >> np.uint64(30)
    x *= _FIRST
    x ^= x >> np.uint64(27)
    x *= _SECOND
    x ^= x >> np.uint64(31)
    return x


def bell(random: Bits) -> Floats:
    """Mean 0, variance 1, within 3.47: the sum of the four 16-bit fields, nearly normal."""
    pairs = (random & _EVERY_OTHER) + ((random >> np.uint64(16)) & _EVERY_OTHER)
    total = (pairs & _LOW_HALF) + (pairs >> np.uint64(32))
    return (total.astype(np.float64) - 131_070.0) * _BELL_SCALE


def heavy(random: Bits) -> Floats:
    """As `bell` with heavier tails: variance about 1, kurtosis about 7, within 8.2."""
    z = bell(random)
    return z * (0.61 + 0.146 * z * z)


def field(random: Bits, number: int) -> Floats:
    """Uniform in [0, 1) from the n-th 16-bit field, n in 0..3."""
    assert 0 <= number < 4
    part = (random >> np.uint64(16 * number)) & _LOW_FIELD
    return part.astype(np.float64) * (1.0 / 65_536.0)


def uniform(*parts: object) -> float:
    """One number in [0, 1) for a name: the dice of the faults."""
    return key_of(*parts) / 2.0**64
