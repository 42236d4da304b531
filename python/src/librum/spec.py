"""The job spec as it stands on the ledger."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from librum.shape import integer, listing, mapping, number, table, text, uint

_PART: Final = mapping({"name": text}, {"params": table(number)})
SPEC: Final = mapping(
    {
        "num_rounds": integer, "fraction_train": number, "min_train_peers": integer, "min_available_peers": integer,
        "model": mapping({"name": text, "layers": listing(integer)}),
        "seed": uint(64),
        "strategy": mapping({"name": text}, {"params": table(number), "clip": _PART, "mean": _PART, "root": text}),
        "train": mapping({
            "local_epochs": integer, "batch_size": integer, "learning_rate": number, "momentum": number,
            "proximal_mu": number,
            "augment": mapping({"noise": number, "jitter": number, "width": integer, "background": number}),
        }),
        "update_type": text, "round_timeout_s": integer, "wait_after_min_s": integer, "wait_for_peers_s": integer,
        "attest_timeout_s": integer, "max_terms": integer, "max_num_examples": integer,
    },
    {
        "over_selection": number,
        "fraction_evaluate": number,
        "initial_model": text,
        "early_stop": mapping({"metric": text, "patience": integer, "mode": text}),
        "parameters": mapping({}, {"share": listing(text), "keep_local": listing(text)}),
    },
)  # fmt: skip


def cohort_size(spec: Mapping[str, Any], roster: int) -> int:
    """Return how many peers of a roster a round asks."""
    if spec["fraction_train"] >= 1:
        return roster
    wanted = min(roster, max(spec["min_train_peers"], _times(roster, spec["fraction_train"])))
    return min(roster, _times(wanted, 1 + spec.get("over_selection", 0)))


def _times(n: int, factor: float) -> int:
    product = float(n) * factor
    whole = math.floor(product)
    return whole + 1 if product - whole >= 0.5 else whole


def shares(spec: Mapping[str, Any], tensor: str) -> bool:
    """Return whether a tensor is part of updates and of the common model, or stays with each peer."""
    given = spec.get("parameters", {})
    share, keep = given.get("share", []), given.get("keep_local", [])
    return (not share or any(matches(p, tensor) for p in share)) and not any(matches(p, tensor) for p in keep)


_PART_OF_PATTERN: Final = re.compile(r"\\(.)|(\*)|(\?)|\[(\^?)((?:\\.|[^\\\]])+)\]|(.)", re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Return whether a pattern of the form of Go's path.Match matches a name.

    >>> [matches("layer[0-3].*", name) for name in ("layer0.bias", "layer4.bias", "layer0/bias")]
    [True, False, False]
    """
    parts = []
    for escaped, star, one, negated, inside, plain in _PART_OF_PATTERN.findall(pattern):
        if star:
            parts.append("[^/]*")
        elif one:
            parts.append("[^/]")
        elif inside:
            ranges = re.findall(r"(?:\\(.)|(.))(?:-(?:\\(.)|(.)))?", inside, re.DOTALL)
            spans = [(a or b, c or d or a or b) for a, b, c, d in ranges]
            body = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in spans if low <= high)
            parts.append(f"[{'^' if negated else ''}{body}]" if body else "." if negated else "(?!)")
        else:
            parts.append(re.escape(escaped or plain))
    return re.fullmatch("".join(parts), name, re.DOTALL) is not None
