"""Keeps what a start has built out of Python's garbage collections.

A full collection looks at every object there is: at 100,000 series 130 to 190 ms, in which nobody
is answered, though everything it looks at lives as long as the program. For the process that serves
only: whoever builds several programs in one process would never get their memory back.
"""

import gc


def set_apart() -> None:
    """Collect once more, and never again look at what is left."""
    gc.collect()
    gc.freeze()
