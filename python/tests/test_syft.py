"""A job of PySyft as a peer's training function: Syft's own pair of clients, over its stand-in for a drive."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from librum.errors import NoDataError, UpdateError

from frameworks import adapter, asked, run_example, same, weights
from golden import REPOSITORY

ours: Any = adapter("syft", "syft_rds")
from syft_rds import SyftRDSClient  # noqa: E402

TRAINING = """\
import json
import os
import numpy as np
import syft
from safetensors.numpy import load_file, save_file

rows = np.load(syft.resolve_dataset_file_path("rows"))
weights = load_file(os.environ["LIBRUM_ROUND"] + "/model.safetensors")
asked = json.load(open(os.environ["LIBRUM_ROUND"] + "/round.json"))
weights["layer0.bias"] += rows.mean(dtype=np.float32) * asked["number"]
print("rows are", rows.tolist())
save_file(weights, "outputs/update.safetensors")
json.dump({"loss": 0.5, "num_examples": len(rows)}, open("outputs/metrics.json", "w"))
"""


class Pair:
    """An owner of rows and a scientist, with a drive between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scientist, self.owner = SyftRDSClient.pair_with_mock_drive_service_connection(
            email1="owner@hospital.example", email2="scientist@university.example",
            base_path1=str(folder / "owner"), base_path2=str(folder / "scientist"), use_in_memory_cache=False,
        )  # fmt: skip
        for name, value in (("mock", 0), ("private", 3)):
            np.save(folder / f"{name}.npy", np.full((5, 4), value, np.float32))
        self.owner.create_dataset(
            "rows",
            folder / "mock.npy",
            folder / "private.npy",
            summary="rows",
            users=[self.scientist.email],
            sync=False,
        )
        self.owner.sync()

    def submit(self, text: str, name: str = "mlp") -> Any:
        """Have the scientist submit a job; return it as the owner sees it."""
        (self.folder / "train.py").write_text(text)
        self.scientist.submit_bash_job(self.owner.email, ours.script(self.folder / "train.py"), job_name=name)
        self.owner.sync()
        return self.owner.job_client.jobs[name]

    def trainer(self, digest: str, name: str = "mlp") -> Any:
        """Return the owner's trainer for a job."""
        return ours.Trainer(self.owner, name, digest=digest, log=self.folder / "runs.jsonl")


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Return a new pair."""
    monkeypatch.setenv("PRE_SYNC", "false")  # nothing syncs but where a test says so
    return Pair(tmp_path)


def test_approve_train_return(pair: Pair) -> None:
    """A round waits for the approval, the next ones run under it; nothing but the update comes of the private rows."""
    job = pair.submit(TRAINING)
    trainer, given = pair.trainer(ours.digest(job)), weights(asked())
    approving = threading.Timer(1.5, job.approve)
    approving.start()
    for number in (1, 2):
        update = trainer.train(given, asked(number))
        assert same(update.weights, {**given, "layer0.bias": given["layer0.bias"] + np.float32(3 * number)})
        assert (update.num_examples, update.metrics) == (5, {"loss": 0.5})
    approving.join()
    lines = [json.loads(line) for line in (pair.folder / "runs.jsonl").read_text().splitlines()]
    assert [(line["round"], line["digest"], line["approved_by"]) for line in lines] == [
        (number, ours.digest(job), "owner@hospital.example") for number in (1, 2)
    ]
    assert {line["submitted_by"] for line in lines} == {"scientist@university.example"}
    assert "rows are [[3.0" in (pair.folder / "runs.jsonl.stdout").read_text()
    pair.owner.sync()
    pair.scientist.sync()
    seen = [f for f in (pair.folder / "scientist").rglob("*") if f.is_file()]
    assert any(f.name == "state.yaml" for f in seen)
    assert not [f for f in seen if f.name in ("stdout.txt", "stderr.txt", "update.safetensors", "private.npy")]
    assert not [f for f in seen if b"rows are [[3.0" in f.read_bytes()]


def test_code_that_changed(pair: Pair) -> None:
    """Code that is not what the owner read does not run, however it was changed."""
    job = pair.submit(TRAINING)
    read = ours.digest(job)
    job.approve()
    run = job.job_submission_path / "run.sh"
    before = run.read_text()
    changes: list[Callable[[], object]] = [
        lambda: run.write_text(before + "true\n"),
        lambda: (job.code_dir / "more.py").write_text("x = 1\n"),
        lambda: (job.code_dir / "link").symlink_to("/etc"),
    ]
    for change in changes:
        change()
        with pytest.raises(NoDataError, match=r"has digest|what is no file"):
            pair.trainer(read).train(weights(asked()), asked())
        run.write_text(before)
        (job.code_dir / "more.py").unlink(missing_ok=True)
    (job.code_dir / "link").unlink()
    (job.code_dir / "outputs").symlink_to(pair.folder)  # is removed, with what earlier runs left
    (job.code_dir / ".venv").mkdir()
    (job.code_dir / "inner" / "__pycache__").mkdir(parents=True)
    (job.code_dir / "inner" / "__pycache__" / "more.pyc").write_bytes(b"x")
    assert pair.trainer(read).train(weights(asked()), asked()).num_examples == 5
    assert (pair.folder / "train.py").exists()
    assert not (pair.folder / "update.safetensors").exists()


def test_no_approval(pair: Pair) -> None:
    """A job that is not approved while the round lasts, is rejected or missing, is never run."""
    job = pair.submit(TRAINING)
    late = asked()
    threading.Timer(0.5, late.cancelled.set).start()
    with pytest.raises(NoDataError, match="not approved in time"):
        pair.trainer(ours.digest(job)).train(weights(late), late)
    job.reject("no")
    with pytest.raises(NoDataError, match="was rejected"):
        pair.trainer(ours.digest(job)).train(weights(asked()), asked())
    with pytest.raises(NoDataError, match="0 jobs have the name other"):
        pair.trainer("", "other").train(weights(asked()), asked())
    assert not (pair.folder / "runs.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("raise KeyError('a row')", r"the job mlp is failed: see .*runs.jsonl.stderr"),
        ("pass", "left no outputs/update.safetensors"),
        ("open('outputs/update.safetensors', 'w').write('no')", "left no outputs/update.safetensors"),
        (TRAINING + "open('outputs/metrics.json', 'w').write('[1]')", "no object of numbers"),
    ],
)
def test_jobs_that_fail(pair: Pair, text: str, says: str) -> None:
    """What went wrong is said, and nothing of what the job said."""
    job = pair.submit(text)
    other = pair.submit("open('outputs/x', 'w').write('x')", "other")
    job.approve()
    other.approve()
    with pytest.raises(UpdateError, match=says) as failed:
        pair.trainer(ours.digest(job)).train(weights(asked()), asked())
    assert "a row" not in str(failed.value)
    assert pair.owner.job_client.jobs["other"].status == "approved"  # is not run along


def test_the_page(pair: Pair) -> None:
    """The lines of docs/python.md run in a job beside peers in Go."""
    page = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    (training,) = re.findall(r'```python title="train.py"\n(.*?)```', page, re.DOTALL)
    np.savez(pair.folder / "private.npz", rows=np.ones((200, 64), np.float32), labels=np.arange(200) % 10)
    np.savez(pair.folder / "mock.npz", rows=np.zeros((2, 64), np.float32), labels=np.arange(2))
    pair.owner.create_dataset("hospital", pair.folder / "mock.npz", pair.folder / "private.npz", summary="", sync=False)
    pair.submit(training).approve()
    names = run_example("syft", pair.folder, owner=pair.owner)
    assert all(r.averaged == 3 for r in names["rounds"])
