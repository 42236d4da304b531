"""A peer of one framework in a process of its own: framework_peer.py FRAMEWORK URL GENESIS KEY ROWS FOLDER.

It trains a perceptron on the features and labels of the file ROWS until it is told to end, and keeps to FOLDER.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import librum

LAYERS = [64, 32, 10]
SYFT_JOB = """
import os, json, syft
from safetensors.numpy import load_file, save_file

given = np.load(syft.resolve_dataset_file_path("rows"))
weights = load_file(os.environ["LIBRUM_ROUND"] + "/model.safetensors")
train = json.load(open(os.environ["LIBRUM_ROUND"] + "/round.json"))["spec"]["train"]
order = ["layer0.weight", "layer0.bias", "layer1.weight", "layer1.bias"]
train_mlp([weights[name] for name in order], given["features"], given["labels"],
          train["local_epochs"], train["batch_size"], train["learning_rate"], train["momentum"])
save_file(weights, "outputs/update.safetensors")
"""


def torch_trainer(features: Any, labels: Any, folder: Path) -> Any:
    """Train with PyTorch."""
    import torch

    import librum.torch

    torch.manual_seed(1)
    torch.set_num_threads(1)
    rows, wanted = torch.from_numpy(features), torch.from_numpy(labels)
    module = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))

    def fit(module: Any, round_: librum.Round) -> None:
        train = round_.spec["train"]
        optimizer = torch.optim.SGD(module.parameters(), lr=train["learning_rate"], momentum=train["momentum"])
        for _ in range(train["local_epochs"]):
            for some in torch.randperm(len(rows)).split(train["batch_size"]):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(module(rows[some]), wanted[some]).backward()
                optimizer.step()

    return librum.torch.Trainer(module, fit)


def tensorflow_trainer(features: Any, labels: Any, folder: Path) -> Any:
    """Train with Keras."""
    import keras

    import librum.tensorflow

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)],
    )

    def fit(model: Any, round_: librum.Round) -> Any:
        train = round_.spec["train"]
        optimizer = keras.optimizers.SGD(train["learning_rate"], train["momentum"])
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model.fit(features, labels, train["batch_size"], train["local_epochs"], verbose=0)

    return librum.tensorflow.Trainer(model, fit)


def flower_trainer(features: Any, labels: Any, folder: Path) -> Any:
    """Train with an app by messages."""
    from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    import librum.flower

    from numpy_mlp import train_mlp

    app = ClientApp()

    @app.train()
    def train(message: Any, context: Any) -> Any:
        config, arrays = message.content["config"], message.content["arrays"].to_numpy_ndarrays()
        train_mlp(
            arrays, features, labels, config["local-epochs"], config["batch-size"], config["lr"], config["momentum"]
        )
        found = {"arrays": ArrayRecord(arrays), "metrics": MetricRecord({"num-examples": len(labels)})}
        return Message(RecordDict(found), reply_to=message)

    return librum.flower.Trainer(app)


def syft_trainer(features: Any, labels: Any, folder: Path) -> Any:
    """Train with a job that a scientist submits and the owner approves."""
    from syft_rds import SyftRDSClient

    import librum.syft

    os.environ["PRE_SYNC"] = "false"
    scientist, owner = SyftRDSClient.pair_with_mock_drive_service_connection(
        base_path1=str(folder / "owner"), base_path2=str(folder / "scientist"), use_in_memory_cache=False
    )
    np.savez(folder / "private.npz", features=features, labels=labels)
    np.savez(folder / "mock.npz", features=np.zeros((2, 64), np.float32), labels=np.arange(2))
    owner.create_dataset("rows", folder / "mock.npz", folder / "private.npz", users=[scientist.email], sync=False)
    job = (Path(__file__).parent / "numpy_mlp.py").read_text(encoding="utf-8") + SYFT_JOB
    (folder / "train.py").write_text(job, encoding="utf-8")
    scientist.submit_bash_job(owner.email, librum.syft.script(folder / "train.py"), job_name="mlp")
    owner.sync()
    (submitted,) = owner.job_client.jobs
    digest = librum.syft.digest(submitted)
    submitted.approve()
    return librum.syft.Trainer(owner, "mlp", digest=digest, log=folder / "runs.jsonl")


TRAINERS: dict[str, Callable[[Any, Any, Path], Any]] = {
    "torch": torch_trainer, "tensorflow": tensorflow_trainer, "flower": flower_trainer, "syft": syft_trainer,
}  # fmt: skip


def main(framework: str, url: str, genesis: str, key: str, rows: str, folder: str) -> None:
    """Run the peer until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    given = np.load(rows)
    trainer = TRAINERS[framework](given["features"], given["labels"], Path(folder))
    peer = librum.Peer(url, key, genesis, librum.Policy.parse(b"creators: [any]\nmodels: [mlp]\n"))
    peer.run(trainer.train, rows=len(given["labels"]), stop=stop)
    peer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
