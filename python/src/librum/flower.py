"""Flower: a peer that trains with an app written for Flower, as it is.

The app runs in the peer's process, without a SuperNode or a SuperLink; Flower's telemetry is off unless
``FLWR_TELEMETRY_ENABLED`` says otherwise. Its state stays with the peer from round to round of a job.
"""

from __future__ import annotations

import copy
import importlib
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # read when flwr is imported

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MessageType, Metadata, RecordDict
from flwr.client import Client, NumPyClient
from flwr.clientapp import ClientApp

from librum.errors import UpdateError
from librum.kept import Kept
from librum.modelfile import shared
from librum.naming import numbers, pairs
from librum.peer import EVAL_PREFIX, Round, Update, Weights, tellable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Trainer", "load"]

Scalar: TypeAlias = "bool | int | float | str"
_TTL_S: Final = 12 * 3600.0
_LEGACY: Final = {MessageType.TRAIN: "fit", MessageType.EVALUATE: "evaluate"}


class Trainer:
    """Gives :meth:`librum.Peer.run` its functions: ``peer.run(trainer.train, trainer.evaluate, rows=…)``.

    Parameters
    ----------
    app
        A ``ClientApp``, by messages or by a ``client_fn``, or a ``Client`` or ``NumPyClient``.
    node_config, run_config
        What the app finds in its context, ``partition-id`` for instance; :func:`load` reads a project's.
    config
        Returns what the app finds in a message's config, or as the config of ``fit``; None: the number of the round and
        the job's training as ``server-round``, ``lr``, ``momentum``, ``local-epochs`` and ``batch-size``, for a
        ``client_fn`` or a client with underscores.
    names
        The job's name for each of the app's arrays, in the app's order, where it looks for arrays by names of its own;
        None: the job's names, layer by layer, weight before bias.

    An app by messages gets ``arrays`` and ``config`` and answers with one record of arrays and records of metrics.
    Arrays come back under the names that it got, or in their order; floating numbers are rounded to float32.
    ``num-examples`` among the metrics of training is the claim; characters of metrics' names other than a-z 0-9 become
    ``_``, and a prefix ``eval_`` is left out. Not told are metrics that are no numbers, or are true or false; those
    whose name then begins with no letter, or is longer than 40 characters, of an evaluation with ``eval_`` before it;
    and of those whose names are equal then, all but the first. What the app raises is met as the exceptions of any
    function of a peer.
    """

    def __init__(
        self,
        app: ClientApp | Client | NumPyClient,
        *,
        node_config: Mapping[str, Scalar] | None = None,
        run_config: Mapping[str, Scalar] | None = None,
        config: Callable[[Round], Mapping[str, Scalar]] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(app, (Client, NumPyClient)):
            client = app.to_client()
            app = ClientApp(client_fn=lambda _: client)
        self._app = app
        self._by_client = getattr(app, "_call", None) is not None  # set by client_fn alone
        self._node_config, self._run_config = dict(node_config or {}), dict(run_config or {})
        self._config, self._names = config, names
        self._kept: Kept[RecordDict] = Kept()

    def train(self, weights: Weights, round_: Round) -> Update:
        """Have the app train from the round's weights, and return what it answers."""
        found = self._pairs(round_)
        content, context = self._ask(MessageType.TRAIN, weights, round_, found)
        trained = self._arrays(content, found)
        examples, metrics = numbers(_metrics(content, "fitres", ""))
        self._kept.after(round_, context.state)
        return Update(trained, examples, metrics)

    def evaluate(self, weights: Weights, round_: Round) -> Mapping[str, float]:
        """Have the app evaluate the round's weights, and return its metrics; its state stays as it was."""
        content, _ = self._ask(MessageType.EVALUATE, weights, round_, self._pairs(round_))
        found = _metrics(content, "evaluateres", EVAL_PREFIX)
        found.pop("num_examples", None)
        return found

    def _pairs(self, round_: Round) -> list[tuple[str, str]]:
        shapes = {t.name: t.shape for t in shared(round_.spec)}
        own = shapes if self._names is None else {a: shapes[b] for a, b in self._names.items() if b in shapes}
        return pairs(round_, own, [], self._names)

    def _ask(
        self, kind: str, weights: Weights, round_: Round, found: list[tuple[str, str]]
    ) -> tuple[RecordDict, Context]:
        arrays = {mine if not self._by_client else str(i): Array(weights[name]) for i, (mine, name) in enumerate(found)}
        given = _config(round_, "_" if self._by_client else "-") if self._config is None else self._config(round_)
        prefix = f"{_LEGACY[kind]}ins." if self._by_client else ""
        content = RecordDict(
            {
                f"{prefix}{'parameters' if prefix else 'arrays'}": ArrayRecord(arrays, keep_input=False),
                f"{prefix}config": ConfigRecord(dict(given)),
            }
        )
        run = int(round_.job[:15], 16)
        asked = Message(
            content,
            metadata=Metadata(
                run_id=run, message_id=f"{round_.job}-{round_.number}-{round_.attempt}", src_node_id=0, dst_node_id=1,
                reply_to_message_id="", group_id=str(round_.number), created_at=time.time(), ttl=_TTL_S,
                message_type=kind,
            ),
        )  # fmt: skip
        before = self._kept.before(round_)
        state = RecordDict() if before is None else copy.deepcopy(before)
        context = Context(run, 1, dict(self._node_config), state, dict(self._run_config))
        reply = self._app(asked, context)
        if reply.has_error():
            raise UpdateError(f"the app answered with error {reply.error.code}")
        for name in ("fitres.status", "evaluateres.status"):
            if name in reply.content and reply.content[name]["code"] != 0:
                raise UpdateError(f"the app answered with status {reply.content[name]['code']}")
        return reply.content, context

    def _arrays(self, content: RecordDict, found: list[tuple[str, str]]) -> dict[str, NDArray[np.generic]]:
        records = list(content.array_records.values())
        if len(records) != 1:
            raise UpdateError(f"the app answered with {len(records)} records of arrays, want one")
        given = dict(records[0])
        if len(given) != len(found):
            raise UpdateError(f"the app answered with {len(given)} arrays, want {len(found)}")
        by_name = given.keys() == {mine for mine, _ in found}
        ordered = [given[mine] for mine, _ in found] if by_name else list(given.values())
        return {name: _float32(array.numpy()) for (_, name), array in zip(found, ordered, strict=True)}


def load(directory: str | Path) -> tuple[ClientApp, dict[str, Scalar]]:
    """Return the ClientApp of a Flower project and its run config, which :class:`Trainer` takes.

    Parameters
    ----------
    directory
        Where its ``pyproject.toml`` lies, which names them in ``tool.flwr.app``. The app is imported from there, with
        the directory on ``sys.path``: the code is as trusted as any that the peer runs.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    directory = Path(directory).resolve()
    try:
        told = tomllib.loads((directory / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["flwr"]["app"]
        module, _, name = told["components"]["clientapp"].partition(":")
    except KeyError as error:
        raise ValueError(f"{directory / 'pyproject.toml'}: want tool.flwr.app.components.clientapp") from error
    sys.path.insert(0, str(directory))
    app = getattr(importlib.import_module(module), name or "app")
    return app, _flat(told.get("config", {}))


def _flat(given: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for name, value in given.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def _config(round_: Round, dash: str) -> dict[str, Scalar]:
    train = round_.spec["train"]
    found: dict[str, Scalar] = {
        "server-round": round_.number,
        "lr": train["learning_rate"],
        "momentum": train["momentum"],
        "local-epochs": train["local_epochs"],
        "batch-size": train["batch_size"],
    }
    return {name.replace("-", dash): value for name, value in found.items()}


def _metrics(content: RecordDict, legacy: str, prefix: str) -> dict[str, float]:
    """Return the numbers in an answer's records of metrics that can be told with a prefix before their names."""
    records = [*content.metric_records.values(), content.get(f"{legacy}.metrics", {})]
    found: dict[str, float] = {}
    for record in records:
        for name, value in record.items():
            plain = re.sub("[^a-z0-9]", "_", name.lower()).removeprefix(EVAL_PREFIX)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and tellable(plain, prefix):
                found.setdefault(plain, float(value))
    return found


def _float32(array: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return array.astype(np.float32) if np.issubdtype(array.dtype, np.floating) else array
