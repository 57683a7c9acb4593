"""Names for the array types of the model.

Time-major everywhere: [minutes, markets]. Prices are int64 ticks, volumes int64 lots, so every
sum is exact and a rolling figure equals the sum of its candles to the last digit.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bits: TypeAlias = NDArray[np.uint64]
Flags: TypeAlias = NDArray[np.bool_]

MINUTE_MS = 60_000
HOUR_MINUTES = 60
DAY_MINUTES = 1_440
DAY_MS = DAY_MINUTES * MINUTE_MS
