"""Write the golden files in fedavg/: five updates and the bits of their mean.

Needs numpy only and shares no code with Librum: safetensors are written by
hand, bfloat16 is done through views. Run: python3 fedavg_golden.py
"""

import hashlib
import json
import pathlib
import struct

import numpy as np

OUT = pathlib.Path(__file__).parent / "fedavg"
SHAPES = {
    "conv.weight": ("F32", (37, 41)),
    "conv.bias": ("F32", (37,)),
    "exact": ("F64", (300,)),
    "half": ("F16", (4200,)),  # more than one block of the norm
    "brain": ("BF16", (501,)),
    "bn.num_batches_tracked": ("I64", ()),
    "counts": ("I64", (65,)),
    "bytes": ("U8", (130,)),
    "temperature": ("F32", ()),
    "none": ("F32", (0, 7)),
}
STORED = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "U8": "<u1"}


def safetensors(tensors, order, metadata=None, canonical=False):
    """Return a file with the tensors' data in the given order."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name in order:
        dtype, shape = SHAPES[name]
        raw = tensors[name].tobytes()
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":") if canonical else None).encode()
    if canonical:
        text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def widen(dtype, stored):
    """Return stored floats as float64."""
    if dtype == "BF16":
        stored = (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float64)


def narrow(dtype, x):
    """Round float64 to the stored type once, ties to even."""
    if dtype != "BF16":
        return x.astype(STORED[dtype])
    # The distance of neighbouring bfloat16 numbers around x is a power of two,
    # so that only rint rounds; the result is a float32 with a clear lower half.
    _, exponent = np.frexp(x)
    step = np.ldexp(1.0, np.maximum(exponent - 1, -126) - 7)
    rounded = (np.rint(x / step) * step).astype(np.float32).view(np.uint32)
    assert not np.any(rounded & 0xFFFF)
    return (rounded >> 16).astype("<u2")


def mean_of_integers(arrays, weights):
    """Average in Python's unbounded integers, ties to even."""
    total = sum(weights)
    out = []
    for values in zip(*(a.reshape(-1).tolist() for a in arrays)):
        quotient, rest = divmod(sum(v * w for v, w in zip(values, weights)), total)
        if 2 * rest > total or (2 * rest == total and quotient % 2 == 1):
            quotient += 1
        out.append(quotient)
    return np.array(out, dtype=arrays[0].dtype).reshape(arrays[0].shape)


def mean_of_floats(dtype, arrays, weights):
    """Fold in float64 in the order given, divide once, round once."""
    accumulator = np.zeros(arrays[0].shape, np.float64)
    for stored, weight in zip(arrays, weights):
        accumulator = accumulator + widen(dtype, stored) * np.float64(weight)
    return narrow(dtype, np.asarray(accumulator / np.float64(sum(weights))))


def norm(tensors):
    """L2 norm: squares in blocks of 4,096 of each tensor by name, blocks in order."""
    total = np.float64(0)
    for name in sorted(tensors):
        dtype, _ = SHAPES[name]
        if dtype in ("I64", "U8"):
            continue
        squares = widen(dtype, tensors[name].reshape(-1)) ** 2
        for begin in range(0, len(squares), 4096):
            total += np.cumsum(squares[begin : begin + 4096])[-1]  # cumsum adds in order
    return np.sqrt(total)


def make(rng, peer):
    """Return one peer's tensors, with the awkward numbers of each type."""
    tensors = {}
    for name, (dtype, shape) in SHAPES.items():
        if dtype == "I64":
            values = rng.integers(-(2**63), 2**63 - 1, shape, np.int64)
            small = rng.integers(-5, 6, shape, np.int64)
            values = np.where(rng.random(shape) < 0.5, values, small)
            values = values if name == "counts" else np.int64(100 + peer)
        elif dtype == "U8":
            values = rng.integers(0, 256, shape)
        else:
            scale = {"F16": 8, "F64": 280}.get(dtype, 36)
            values = rng.standard_normal(shape) * 10.0 ** rng.uniform(-scale if dtype != "F16" else -8, min(scale, 4), shape)
            values = np.where(rng.random(shape) < 0.02, -0.0, values)
            if dtype == "BF16":
                values = narrow(dtype, values)
        tensors[name] = np.asarray(values).astype(STORED[dtype])
    return tensors


def main():
    """Write everything."""
    rng = np.random.default_rng(20171)
    OUT.mkdir(exist_ok=True)
    # Ids whose bytewise order is neither that of the files nor of their hex in
    # any other case; one is a prefix of another.
    peers = ["ff00", "0a", "9c41d2", "0a00", "7f"]
    # The largest weight there is among them; the case "two" makes ties.
    weights = [3, 1, 2**29 - 1, 250_000, 1000 + 1]
    updates = []
    for i, (peer, weight) in enumerate(zip(peers, weights)):
        tensors = make(rng, i)
        order = list(rng.permutation(list(SHAPES)))
        metadata = {"format": "np", "peer": str(i)} if i % 2 else None
        path = OUT / f"update-{i}.safetensors"
        path.write_bytes(safetensors(tensors, order, metadata))
        updates.append((bytes.fromhex(peer), weight, path.name, tensors))
    expected = {}
    for case, weighting in {"weighted": lambda w: w, "equal": lambda w: 1, "two": lambda w: 2 * (w < 4)}.items():
        fold = [(weighting(w), t) for _, w, _, t in sorted(updates, key=lambda u: u[0])]
        ws = [w for w, _ in fold]
        mean = {}
        for name, (dtype, _) in SHAPES.items():
            arrays = [t[name] for _, t in fold]
            mean[name] = mean_of_integers(arrays, ws) if dtype in ("I64", "U8") else mean_of_floats(dtype, arrays, ws)
        file = safetensors(mean, sorted(SHAPES), canonical=True)
        (OUT / f"mean-{case}.safetensors").write_bytes(file)
        expected[case] = {
            "weights": [weighting(w) for w in weights],
            "file": f"mean-{case}.safetensors",
            "sha256": hashlib.sha256(file).hexdigest(),
        }
    golden = {
        "numpy": np.__version__,
        "updates": [
            {"peer": p.hex(), "file": f, "norm_bits": f"{norm(t).view(np.uint64):016x}"} for p, _, f, t in updates
        ],
        "cases": expected,
    }
    (OUT / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
