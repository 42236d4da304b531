"""Write golden/: two rounds of every rule, computed by numpy.

Needs numpy only and shares no code with Librum. Coordinates are float32, float64
and int64, more than one block of 4,096. Run: python3 golden.py
"""

import hashlib
import json
import pathlib
import struct

import numpy as np

OUT = pathlib.Path(__file__).parent / "golden"
MODEL = {"b.exact": ("F64", 130), "a.weight": ("F32", 4500), "c.count": ("I64", 40)}
STORED = {"F64": "<f8", "F32": "<f4", "I64": "<i8"}
FLOATS = ["a.weight", "b.exact"]
WEIGHTS = [30, 1, 500, 77, 12, 8, 250]
STEPS = [4, 9, 2, 30, 7, 7, 1]
N, ROOT, COHORT, MOMENTUM = 7, 3, 9, 0.9
BIGGEST = float(np.finfo(np.float32).max)


def safetensors(tensors):
    """Return the canonical file of {name: (dtype, shape, array)}."""
    header, data = {}, b""
    for name in sorted(tensors):
        dtype, shape, values = tensors[name]
        raw = np.ascontiguousarray(values).astype(STORED[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def total(parts):
    """Add the coordinates of {name: array}: blocks of 4,096 in index order, then block by block."""
    out = np.float64(0)
    for name in FLOATS:
        for begin in range(0, len(parts[name]), 4096):
            out = out + np.cumsum(parts[name][begin : begin + 4096])[-1]  # cumsum adds in order
    return out


def squared(a, b):
    """Return the squared distance of two models."""
    return total({k: (a[k] - b[k]) ** 2 for k in FLOATS})


def dot(a, b):
    """Return the inner product of two models."""
    return total({k: a[k] * b[k] for k in FLOATS})


def linear(rows, weights, by):
    """Return sum(weights * rows) / by, added in order."""
    out = {}
    for k in FLOATS:
        acc = np.zeros_like(rows[0][k])
        for row, w in zip(rows, weights):
            if w != 0:
                acc = acc + np.float64(w) * row[k]
        out[k] = acc / np.float64(by)
    return out


def ascending(stack):
    """Return the mean of a stack's first axis, added in order."""
    acc = np.zeros(stack.shape[1:])
    for row in stack:
        acc = acc + row
    return acc / np.float64(len(stack))


def integer_mean(values, weights):
    """Return the mean in Python's unbounded integers, ties to even."""
    by = sum(weights)
    out = []
    for column in zip(*(v.tolist() for v in values)):
        quotient, rest = divmod(sum(x * w for x, w in zip(column, weights)), by)
        out.append(quotient + (2 * rest > by or (2 * rest == by and quotient % 2 == 1)))
    return np.array(out, np.int64)


def integer_ranks(values, keep):
    """Return the mean of the keep ranks in the middle."""
    first = (len(values) - keep) // 2
    return integer_mean(np.sort(np.stack(values), axis=0)[first : first + keep], [1] * keep)


def krum_order(rows, f):
    """Return the rows by Krum's score, the first of equals first."""
    n = len(rows)
    d = np.array([[squared(rows[j], rows[i]) if i != j else np.inf for j in range(n)] for i in range(n)])
    keep = min(max(1, n - f - 2), n - 1)
    scores = [np.cumsum(np.sort(d[i])[:keep])[-1] for i in range(n)]
    return sorted(range(n), key=lambda i: scores[i])


def mean_of(name, p, rows, counts, relative):
    """Return the mean of float rows, that of the integers, and whether rows must be relative."""
    middle = 2 - N % 2
    if name in ("fedavg", "fedprox"):
        return linear(rows, WEIGHTS, sum(WEIGHTS)), integer_mean(counts, WEIGHTS)
    if name == "scaffold":
        return linear(rows, [1] * N, N), integer_mean(counts, [1] * N)
    if name in ("median", "trimmed_mean"):
        drop = min(int(p.get("beta", 0.5) * N + 1e-9), (N - 1) // 2)
        keep = {k: np.sort(np.stack([r[k] for r in rows]), axis=0)[drop : N - drop] for k in FLOATS}
        return {k: ascending(keep[k]) for k in FLOATS}, integer_ranks(counts, N - 2 * drop)
    if name in ("krum", "multikrum"):
        keep = 1 if name == "krum" else (p.get("num_to_keep") or N - p["num_malicious"])
        weights = [0] * N
        for i in krum_order(rows, p["num_malicious"])[:keep]:
            weights[i] = 1
        return linear(rows, weights, keep), integer_mean(counts, weights)
    if name == "bulyan":
        f, left, chosen = p["num_malicious"], list(range(N)), []
        while len(chosen) < N - 2 * f:
            best = left[krum_order([rows[i] for i in left], f)[0]]
            chosen.append(best)
            left.remove(best)
        out = {}
        for k in FLOATS:
            columns = np.sort(np.stack([rows[i][k] for i in chosen]), axis=0)
            m = len(chosen)
            medians = (columns[(m - 1) // 2] + columns[m // 2]) / 2
            values = []
            for column, median in zip(columns.T, medians):
                column = list(column)
                while len(column) > N - 4 * f:
                    column.pop(0 if abs(column[0] - median) > abs(column[-1] - median) else -1)
                values.append(column)
            out[k] = ascending(np.array(values).T)
        return out, integer_ranks([counts[i] for i in chosen], 2 - len(chosen) % 2)
    if name == "geometric_median":
        weights, by = [1.0] * N, np.float64(N)
        for _ in range(p["iterations"]):
            point = linear(rows, weights, by)
            weights = [1 / max(p["nu"], np.sqrt(squared(r, point))) for r in rows]
            by = np.cumsum(weights)[-1]
        return linear(rows, weights, by), integer_ranks(counts, middle)
    if name == "fltrust":
        length, weights, by = np.sqrt(dot(rows[ROOT], rows[ROOT])), [0.0] * N, np.float64(0)
        for i, row in enumerate(rows):
            norm, product = np.sqrt(dot(row, row)), dot(row, rows[ROOT])
            if i != ROOT and product > 0:
                score = product / (norm * length)
                weights[i] = score * length / norm
                by = by + score
        return linear(rows, weights, by or np.float64(1)), integer_ranks(counts, middle)
    assert name == "fednova"
    lengths = []
    for steps in STEPS:
        power, x, n = np.float64(1), np.float64(MOMENTUM), steps
        while n:
            power = power * x if n & 1 else power
            x, n = x * x, n >> 1
        rest = 1 - MOMENTUM
        lengths.append((steps - MOMENTUM * (1 - power) / rest) / rest)
    tau = np.cumsum([w * a for w, a in zip(WEIGHTS, lengths)])[-1] / sum(WEIGHTS)
    return linear(rows, [w * tau / a for w, a in zip(WEIGHTS, lengths)], sum(WEIGHTS)), integer_mean(counts, WEIGHTS)


def exponential(x):
    """e^x as Librum has it: the series of x/1024, squared ten times."""
    if x < 0:
        return 1 / exponential(-x)
    y, a = np.float64(x) / 1024, np.float64(0)
    for k in range(16, 0, -1):
        a = y / k * (1 + a)
    for _ in range(10):
        a = a * (2 + a)
    return 1 + a


def step(name, p, x, delta, memory, control):
    """Return the next model's coordinates and memory, slots last."""
    if name == "fedavgm":
        m = p["beta"] * memory[..., 0] + delta
        return x + p["eta"] * m, m[..., None]
    if name == "scaffold":
        return x + p["eta"] * delta, (memory[..., 0] + control / COHORT)[..., None]
    m, v, square = memory[..., 0], memory[..., 1], delta * delta
    m = p["beta_1"] * m + (1 - p["beta_1"]) * delta
    if name == "fedadagrad":
        v = v + square
    elif name == "fedadam":
        v = p["beta_2"] * v + (1 - p["beta_2"]) * square
    else:
        part = (1 - p["beta_2"]) * square
        v = np.where(v > square, v - part, np.where(v < square, v + part, v))
    return x + p["eta"] * m / (np.sqrt(v) + p["tau"]), np.stack([m, v], axis=-1)


SERVERS = {"fedavgm": 1, "scaffold": 1, "fedadagrad": 2, "fedadam": 2, "fedyogi": 2}
ADAM = {"eta": 0.01, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3}
FIXED = ["fixed", {"norm": 20}]
ADAPTIVE = ["adaptive", {"initial_norm": 30, "quantile": 0.3, "rate": 0.7, "linear": 0}]
CASES = {
    "fedavg": [["fedavg", {}], None, None],
    "fedavg clipped": [["fedavg", {}], FIXED, None],
    "fedavg clipped adaptively": [["fedavg", {}], ADAPTIVE, None],
    "fedavgm": [["fedavgm", {"eta": 0.7, "beta": 0.9}], None, None],
    "fedadagrad": [["fedadagrad", {"eta": 0.1, "beta_1": 0, "tau": 1e-3}], None, None],
    "fedadam": [["fedadam", ADAM], None, None],
    "fedyogi": [["fedyogi", ADAM], None, None],
    "scaffold": [["scaffold", {"eta": 0.9}], None, None],
    "fednova": [["fednova", {}], None, None],
    "median": [["median", {}], None, None],
    "trimmed mean": [["trimmed_mean", {"beta": 0.2}], None, None],
    "krum": [["krum", {"num_malicious": 2}], None, None],
    "multikrum": [["multikrum", {"num_malicious": 2, "num_to_keep": 3}], None, None],
    "bulyan": [["bulyan", {"num_malicious": 1}], None, None],
    "geometric median": [["geometric_median", {"iterations": 4, "nu": 1e-6}], None, None],
    "fltrust": [["fltrust", {}], None, None],
    "adam of clipped bulyan": [["fedadam", ADAM], FIXED, ["bulyan", {"num_malicious": 1}]],
    "yogi of adaptively clipped median": [["fedyogi", ADAM], ADAPTIVE, ["median", {}]],
    "momentum of fltrust": [["fedavgm", {"eta": 0.7, "beta": 0.9}], None, ["fltrust", {}]],
}


def round_of(case, x, updates, state):
    """Return the next model and state."""
    (name, p), clip, inner = case
    norm, relative = None, bool(clip) or "fltrust" in (name, inner and inner[0]) or name == "fednova"
    scales = [np.float64(1)] * N
    if clip:
        norms = [np.sqrt(squared(u, x)) for u in updates]
        norm = clip[1].get("norm") or (state["norm"] if state else clip[1]["initial_norm"])
        scales = [norm / s if s > norm else np.float64(1) for s in norms]
    rows = [{k: s * (u[k] - x[k]) if relative else u[k] for k in FLOATS} for u, s in zip(updates, scales)]
    counts = [u["c.count"] for u in updates]
    mean_name, params = inner or (name if name not in SERVERS or name == "scaffold" else "fedavg", p)
    mean, integers = mean_of(mean_name, params, rows, counts, relative)
    new, memory = {"c.count": integers}, {}
    for k in FLOATS:
        if name in SERVERS:
            delta = mean[k] if relative else mean[k] - x[k]
            before = state["memory"][k] if state else np.zeros((len(x[k]), SERVERS[name]))
            control = np.zeros(len(x[k]))
            for u in updates:
                control = control + u["scaffold/" + k]
            value, memory[k] = step(name, p, x[k], delta, before, control)
        else:
            value = mean[k] + x[k] if relative else mean[k]
        if MODEL[k][0] == "F32":
            value = np.clip(value, -BIGGEST, BIGGEST).astype(np.float32)
        new[k] = value.astype(np.float64)
    if clip and clip[0] == "adaptive":
        below = sum(s <= norm for s in norms) / N
        norm = norm * exponential(-(clip[1]["rate"] * (below - clip[1]["quantile"])))
    return new, {"memory": memory, "norm": norm if clip and clip[0] == "adaptive" else None}


def model_file(x, controls=False):
    """Return the file of a model or an update."""
    tensors = {k: (d, [n], x[k]) for k, (d, n) in MODEL.items()}
    if controls:
        tensors |= {"scaffold/" + k: (MODEL[k][0], [MODEL[k][1]], x["scaffold/" + k]) for k in FLOATS}
    return safetensors(tensors)


def state_file(state):
    """Return the file of a state, empty if there is none."""
    tensors = {"server/" + k: ("F64", list(v.shape), v) for k, v in state["memory"].items()}
    if state["norm"] is not None:
        tensors["clip/norm"] = ("F64", [], np.float64(state["norm"]))
    return safetensors(tensors) if tensors else b""


def main():
    """Write everything."""
    rng = np.random.default_rng(2020)
    OUT.mkdir(exist_ok=True)

    def draw(spread, around=None):
        out = {}
        for k, (dtype, n) in MODEL.items():
            for name in [k] if dtype == "I64" else [k, "scaffold/" + k]:
                values = rng.integers(-(2**62), 2**62, n) if dtype == "I64" else rng.normal(0, spread, n)
                if around is not None and dtype != "I64":
                    values = values + around[k] if name == k else values
                out[name] = values.astype(STORED[dtype]).astype(np.int64 if dtype == "I64" else np.float64)
        return out

    x = draw(1)
    # Five alike and shifted together, one far off, one opposite.
    drift = draw(0.2)
    centre = {k: x[k] + drift[k] for k in FLOATS}
    updates = [draw(0.3, centre) for _ in range(N)]
    updates[1] = draw(4, x)
    updates[5] = draw(0.1, {k: x[k] - drift[k] for k in FLOATS})
    for u in updates:  # ties in some coordinates, zeros of both signs in others
        u["a.weight"][:50] = np.round(u["a.weight"][:50])
    (OUT / "global.safetensors").write_bytes(model_file(x))
    for i, u in enumerate(updates):
        (OUT / f"update-{i}.safetensors").write_bytes(model_file(u))
        (OUT / f"controlled-{i}.safetensors").write_bytes(model_file(u, controls=True))
    cases = []
    for name, case in CASES.items():
        now, state, rounds = x, None, []
        for _ in range(2):
            now, state = round_of(case, now, updates, state)
            kept = state_file(state)
            rounds.append([hashlib.sha256(model_file(now)).hexdigest(), hashlib.sha256(kept).hexdigest() if kept else ""])
        cases.append({"name": name, "strategy": case[0], "clip": case[1], "mean": case[2], "rounds": rounds})
    golden = {"numpy": np.__version__, "weights": WEIGHTS, "steps": STEPS, "root": ROOT, "cohort": COHORT, "momentum": MOMENTUM, "cases": cases}
    (OUT / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
