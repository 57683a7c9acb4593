"""A table as a Parquet or an Arrow file (Feather 2) in memory, with a type for every column.

pyarrow is the extra `arrow`; who imports this module has asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import ipc, parquet

from sigmawatch.ports.table import Cells, Table

_TYPES = {
    Cells.INTEGER: pa.int64(), Cells.NUMBER: pa.float64(), Cells.FLAG: pa.bool_(),
    Cells.TEXT: pa.string(), Cells.MOMENT: pa.timestamp("ms", tz="UTC"),
}  # fmt: skip


def encoded(table: Table, *, kind: str) -> bytes:
    """kind: parquet or arrow."""
    arrays = {name: _array(cells, table.kinds[name]) for name, cells in table.columns.items()}
    made = pa.table(arrays)
    file = BytesIO()
    if kind == "parquet":
        parquet.write_table(made, file, compression="zstd", write_page_checksum=True)
    else:
        options = ipc.IpcWriteOptions(compression="zstd")
        with ipc.new_file(file, made.schema, options=options) as writer:
            writer.write_table(made)
    return file.getvalue()


def _array(cells: Sequence[Any], kind: Cells) -> pa.Array:
    if kind is not Cells.MOMENT:
        return pa.array(cells, _TYPES[kind], from_pandas=True)  # NaN is a missing number
    texts = ["NaT" if cell is None else cell.removesuffix("Z") for cell in cells]
    return pa.array(np.array(texts, "M8[ms]")).cast(_TYPES[kind])
