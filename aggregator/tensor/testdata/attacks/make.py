"""Write the hostile safetensors files beside this script.

A file's name begins with the kind of error it must give, up to the first dot;
"ok" files are odd but right. Run: python3 make.py
"""

import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent


def header(text, data=b"", length=None):
    """Return a file with the given header text (str or bytes) and data."""
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def tensors(data, **entries):
    """Return a file with tensors given as name=(dtype, shape, begin, end)."""
    return header(
        json.dumps({n: {"dtype": d, "shape": s, "data_offsets": [b, e]} for n, (d, s, b, e) in entries.items()}),
        data,
    )


def one(dtype='"F32"', shape="[2]", offsets="[0,8]", extra=""):
    """Return a file with one tensor of eight bytes, fields given as text."""
    return header('{"w":{"dtype":%s,"shape":%s,"data_offsets":%s%s}}' % (dtype, shape, offsets, extra), bytes(8))


FILES = {
    "truncated.empty": b"",
    "truncated.length": b"\x02\0\0\0\0\0\0",
    "truncated.header": header("{}", length=3),
    "truncated.header-max": header("{}", length=100_000_000),
    "header-size.zero": header("", b"{}"),
    "header-size.one": header("{", b"}"),
    "header-size.over-limit": header("{}", length=100_000_001),
    "header-size.negative": header("{}", length=2**64 - 1),
    "header-size.sign-bit": header("{}", length=2**63),
    "syntax.leading-space": header(" {}"),
    "syntax.array": header("[]"),
    "syntax.open": header('{"w"'),
    "syntax.open-string": header('{"w'),
    "syntax.open-escape": header('{"w\\'),
    "syntax.nul-padding": header(b"{}\0\0"),
    "syntax.newline-padding": header("{}\n"),
    "syntax.second-object": header("{}{}"),
    "syntax.trailing-comma": one(extra=","),
    "syntax.comment": header("{/**/}"),
    "syntax.null": header('{"w":null}'),
    "syntax.missing-field": header('{"w":{"dtype":"F32","shape":[2]}}', bytes(8)),
    "syntax.unknown-field": one(extra=',"stride":[1]'),
    "syntax.field-in-capitals": header('{"w":{"DTYPE":"F32","shape":[2],"data_offsets":[0,8]}}', bytes(8)),
    "syntax.shape-negative": one(shape="[-2]"),
    "syntax.shape-float": one(shape="[2.0]"),
    "syntax.shape-exponent": one(shape="[2e0]"),
    "syntax.shape-string": one(shape='["2"]'),
    "syntax.shape-zeros": one(shape="[02]"),
    "syntax.shape-over-63-bits": one(shape="[9223372036854775808]"),
    "syntax.offset-over-64-bits": one(offsets="[0,18446744073709551624]"),
    "syntax.dtype-number": one(dtype="4"),
    "syntax.control-character": header(b'{"a\x01":{}}'),
    "syntax.half-surrogate": header('{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "syntax.bad-escape": header('{"\\x41":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "syntax.deep": header('{"w":' + "[" * 10_000),
    "utf8.name": header(b'{"\xff":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "utf8.surrogate": header(b'{"\xed\xa0\x80":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "duplicate.tensor": header(
        '{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        bytes(2),
    ),
    "duplicate.escaped": header(
        '{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0077":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        bytes(2),
    ),
    "duplicate.field": one(extra=',"shape":[1]'),
    "duplicate.metadata": header('{"__metadata__":{},"__metadata__":{}}'),
    "duplicate.metadata-key": header('{"__metadata__":{"a":"1","a":"2"}}'),
    "name.empty": header('{"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "name.long": header('{"%s":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' % ("w" * 1025)),
    "name.terminal": header('{"\\u001b[2J":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "dtype.float8": one(dtype='"F8_E4M3"', shape="[8]"),
    "dtype.lower": one(dtype='"f32"'),
    "dtype.empty": one(dtype='""'),
    "shape.overflow": one(shape="[4294967296,4294967296]"),
    "shape.overflow-to-eight": one(shape="[2,4611686018427387905]"),
    "shape.overflow-then-zero": one(shape="[4294967296,4294967296,0]", offsets="[0,0]"),
    "shape.rank": one(shape="[" + "1," * 32 + "2]"),
    "offsets.backwards": one(offsets="[8,0]"),
    "offsets.short": one(offsets="[0,4]"),
    "offsets.one": one(offsets="[0]"),
    "offsets.three": one(offsets="[0,8,8]"),
    "overlap.same": tensors(bytes(8), a=("F32", [2], 0, 8), b=("F32", [2], 0, 8)),
    "overlap.partly": tensors(bytes(12), a=("F32", [2], 0, 8), b=("F32", [2], 4, 12)),
    "overlap.empty-inside": tensors(bytes(8), a=("F32", [2], 0, 8), b=("F32", [0], 4, 4)),
    "hole.first": tensors(bytes(8), a=("F32", [1], 4, 8)),
    "hole.between": tensors(bytes(12), a=("F32", [1], 0, 4), b=("F32", [1], 8, 12)),
    "cover.beyond": tensors(bytes(4), a=("F32", [2], 0, 8)),
    "cover.short": tensors(bytes(9), a=("F32", [2], 0, 8)),
    "cover.no-tensor": header("{}", b"x"),
    "cover.far": tensors(b"", a=("U8", [2**62], 0, 2**62)),
    "metadata.array": header('{"__metadata__":[]}'),
    "metadata.number": header('{"__metadata__":{"epoch":1}}'),
    "metadata.tensor": header('{"__metadata__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    "ok.empty": header("{}"),
    "ok.padded": header("{}      "),
    "ok.spaces-inside": header('{\n "w" :\t{ "shape" : [ ] ,\r"data_offsets":[0, 4],"dtype":"F32"} }', bytes(4)),
    "ok.metadata": header('{"__metadata__":{"format":"pt"},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"),
    "ok.out-of-order": tensors(bytes(12), b=("F32", [2], 0, 8), a=("F32", [1], 8, 12)),
    "ok.empty-tensors": tensors(bytes(4), a=("F32", [0], 0, 0), b=("F32", [], 0, 4), c=("F32", [5, 0], 4, 4)),
    "ok.unicode": tensors(bytes(1), **{"schicht/größe\"\\": ("U8", [1], 0, 1)}),
}

for name, content in FILES.items():
    (HERE / f"{name}.safetensors").write_bytes(content)
