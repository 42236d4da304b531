"""Writes pyarrow.parquet with pyarrow: python3 parquet_golden.py. fl/data/parquet_test.go says what is in it."""

import pyarrow as pa
import pyarrow.parquet as pq

table = pa.table({
    "note": ["not", "of", "the", "schema"],
    "age": pa.array([31, None, 120, 0], pa.int8()),
    "marker": pa.array([0.5, -1.0, None, 0.25], pa.float32()),
    "sex": pa.array(["f", "m", None, "f"]).dictionary_encode(),
    "smokes": [True, None, False, True],
    "ill": pa.array([1, 0, 0, 1], pa.uint16()),
})
pq.write_table(table, "pyarrow.parquet", row_group_size=3)
