"""The model card, made again from the rows of a job, byte for byte."""

from __future__ import annotations

import datetime
import json
from typing import Any

from librum.verify.report import Finding
from librum.verify.rows import Rows

CONSIDERATIONS = (
    "Accuracy, loss and numbers of examples are claims of the peers, not checked by the nodes.",
    "No differential privacy was applied: updates may reveal properties of the training data "
    "to those who may read them.",
    "Nodes of the attesting group could read the updates.",
)


def card(rows: Rows, chain: bytes) -> bytes:
    """Return the card of a job all of whose rounds are final."""
    job = rows.job()
    assert job is not None
    group = rows.group(job.finals)
    rounds, participants, finished = [], dict[bytes, tuple[int, int, dict[str, float]]](), 0
    for number in range(1, job.finals + 1):
        row = rows.round(number)
        commit = rows.commit(number, row.commit_term) if row else None
        if row is None or commit is None:
            raise Finding("card", f"round {number}", "the rows that the card is made of are not there")
        rounds.append({
            "round": number, "updates": commit.count, "refused": len(commit.refused), "model": commit.model.hex(),
            "claimed_metrics": dict(sorted(commit.metrics.items())),
        })  # fmt: skip
        finished = row.ended
        for peer in rows.cohort(number):
            update = rows.update(number, peer)
            if update is not None and update.attempt == row.attempt and update.state == "submitted":
                told = participants.get(peer, (0, 0, {}))[0]
                participants[peer] = told + 1, update.num_examples, update.metrics
    best = {}
    if job.best > 0:
        best["best_round"] = {
            "round": job.best, "claimed_metric": job.spec["early_stop"]["metric"], "value": job.best_value,
            "model": rounds[job.best - 1]["model"],
        }  # fmt: skip
    made = {
        "model": {
            "job": rows.id.hex(), "chain": chain.hex(), "digest": job.model.hex(), "bytes": job.model_size,
            "format": "safetensors", "spec": _spec(job.spec),
        },
        "generator": "Librum",
        "aggregator": {
            "strategy": job.spec["strategy"]["name"], "bit_reproducible": True, "attesters": len(group.nodes),
            "quorum": group.quorum,
        },
        "participants": [
            {"peer": peer.hex(), "rounds": n, "num_examples": examples}
            | ({"claimed_metrics": dict(sorted(metrics.items()))} if metrics else {})
            for peer, (n, examples, metrics) in participants.items()
        ] or None,
        "times": {"created": _rfc3339(job.created), "last_round_final": _rfc3339(finished)},
        "quantitative_analysis": rounds,
        **best,
        "considerations": list(CONSIDERATIONS),
    }  # fmt: skip
    return (_go_json(made, "") + "\n").encode()


# The order in which the fields of a spec stand in JSON.
_FIELDS = (
    "num_rounds", "fraction_train", "over_selection", "fraction_evaluate", "min_train_peers", "min_available_peers",
    "model", "seed", "strategy", "train", "initial_model", "early_stop",
    "update_type", "round_timeout_s", "wait_after_min_s", "wait_for_peers_s", "attest_timeout_s", "max_terms",
    "max_num_examples",
)  # fmt: skip
_TRAIN = ("local_epochs", "batch_size", "learning_rate", "momentum", "proximal_mu", "augment")
_AUGMENT = ("noise", "jitter", "width", "background")


def _spec(spec: dict[str, Any]) -> dict[str, Any]:
    made = {name: spec[name] for name in _FIELDS if name in spec}
    if "early_stop" in made:
        made["early_stop"] = {name: made["early_stop"][name] for name in ("metric", "patience", "mode")}
    made["model"] = {name: spec["model"][name] for name in ("name", "layers")}
    made["train"] = {name: spec["train"][name] for name in _TRAIN}
    made["train"]["augment"] = {name: spec["train"]["augment"][name] for name in _AUGMENT}
    made["strategy"] = {"name": spec["strategy"]["name"]}
    if spec["strategy"].get("params"):
        made["strategy"]["params"] = dict(sorted(spec["strategy"]["params"].items()))
    return made


def _rfc3339(ms: int) -> str:
    at = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(milliseconds=ms)
    fraction = f"{ms % 1000:03d}".rstrip("0")
    return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"


def _go_json(value: Any, indent: str) -> str:
    """Return JSON as Go indents it."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        items = (f"{deeper}{_go_json(name, '')}: {_go_json(item, deeper)}" for name, item in value.items())
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(deeper + _go_json(item, deeper) for item in value) + f"\n{indent}]"
    if isinstance(value, float):
        return go_float(value)
    text = json.dumps(value, ensure_ascii=False)
    for c in "<>&\u2028\u2029":
        text = text.replace(c, f"\\u{ord(c):04x}")
    return text


def go_float(value: float) -> str:
    """Return a number as Go's encoding/json writes it.

    >>> [go_float(x) for x in (0.0, 1.0, 0.12, 1e-7, 2.5e21, 1e20, -3.25)]
    ['0', '1', '0.12', '1e-7', '2.5e+21', '100000000000000000000', '-3.25']
    """
    digits = repr(value)
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        import numpy as np

        return np.format_float_positional(value, trim="-")
    mantissa, _, exponent = digits.partition("e")
    if not exponent:
        import numpy as np

        mantissa, _, exponent = np.format_float_scientific(value, trim="-").partition("e")
    sign, number = exponent[0], exponent.lstrip("+-").lstrip("0")
    return f"{mantissa.removesuffix('.0')}e{'-' if sign == '-' else '+'}{number}"
