"""r.py FOLDER NAME: writes a data frame of an R package, as CSV, to standard output.

FOLDER holds Rdata.rdx and Rdata.rdb, the files from which R loads a package's data when it is first used: an index, and
the serialised objects one after the other, each behind its length and the way it is compressed (R Internals, 1.12; R's
lazyload.R and serialize.c). A missing value is an empty cell.
"""

import bz2
import lzma
import struct
import sys
import warnings
import zlib
from pathlib import Path

import rdata

LZMA = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]


def unpack(chunk: bytes) -> bytes:
    """Return the bytes of one object."""
    (size,) = struct.unpack(">I", chunk[:4])
    match chunk[4:5]:
        case b"2":
            body = bz2.decompress(chunk[5:])
        case b"Z":
            body = lzma.decompress(chunk[5:], format=lzma.FORMAT_RAW, filters=LZMA)
        case b"0":
            body = chunk[5:]
        case _:
            body = zlib.decompress(chunk[4:])
    if len(body) != size:
        raise SystemExit(f"unpack: {len(body)} bytes instead of {size}")
    return body


def convert(raw: bytes):
    """Return the object that R serialised, classes of which nothing is known as what they extend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rdata.conversion.convert(rdata.parser.parse_data(raw))


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    index = convert((folder / "Rdata.rdx").read_bytes())
    start, length = (int(x) for x in index["variables"][name])
    frame = convert(unpack((folder / "Rdata.rdb").read_bytes()[start : start + length]))
    for column in frame.select_dtypes("number"):
        # Whole numbers are written as such, others with as many digits as tell them apart.
        frame[column] = [("" if x != x else str(int(x)) if x == int(x) else repr(float(x))) for x in frame[column]]
    frame.to_csv(sys.stdout, index=False)


if __name__ == "__main__":
    main()
