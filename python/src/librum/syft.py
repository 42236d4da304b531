"""PySyft: a peer whose training function is a job that the owner of the data has approved in Syft.

This is training gated by approval, through jobs of PySyft 0.10 and later, and no more: a job that runs is a process of
the same user, held by nothing but the owner's word. Syft's part is who may submit code, who reads and approves it,
and the data set with its mock beside it; rounds, proofs and policy are those of :class:`librum.Peer`.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from librum.errors import NoDataError, UpdateError
from librum.naming import numbers
from librum.peer import Round, Update, Weights

if TYPE_CHECKING:
    from syft_job.job import JobInfo
    from syft_rds import SyftRDSClient

__all__ = ["Trainer", "digest", "script"]

POLL_S: Final = 1.0  # between two looks for an approval
MAX_METRICS_BYTES: Final = 64 << 10
_MADE: Final = ("outputs", ".venv")  # by runs of a job, in its folder of code
_COMPILED: Final = "__pycache__"  # the same, in any folder of it


class Trainer:
    """Gives :meth:`librum.Peer.run` its function: ``peer.run(trainer.train, rows=…)``.

    Each round runs the job again, with the environment variable ``LIBRUM_ROUND`` naming a folder: in it are
    ``model.safetensors``, the round's weights, and ``round.json``, with job, number, attempt and spec. The job leaves
    ``outputs/update.safetensors``, the new weights, and may leave ``outputs/metrics.json``, an object of numbers; a
    ``num_examples`` among them is the number of rows that it trained on. What it prints is put beside the log, as
    ``LOG.stdout`` and ``LOG.stderr``: Syft would show it to whoever submitted the job at the owner's next sync, and it
    may hold data. Its outputs stay with the owner, as Syft keeps them unless they are shared.

    Parameters
    ----------
    owner
        The client of the data's owner, as ``syft_rds.login_do`` gives it.
    job
        Name of the job that somebody submitted to the owner. Until it is approved a round waits, and is declined as
        ``data`` once nobody waits for it, or where the job is rejected.
    digest
        What :func:`digest` gave for the code that the owner read. A job with other code is not run.
    log
        File to which a line of JSON is added before each run: round, job, its digest, who submitted it, who approved
        it, when and how.
    logger
        Told what goes on; None: the logger ``librum.syft``.
    """

    def __init__(
        self,
        owner: SyftRDSClient,
        job: str,
        *,
        digest: str,
        log: str | Path,
        logger: logging.Logger | None = None,
    ) -> None:
        self._owner, self._job, self._digest, self._log = owner, job, digest, Path(log)
        self._logger = logger or logging.getLogger("librum.syft")

    def train(self, weights: Weights, round_: Round) -> Update:
        """Run the job over the round's weights, once it is approved, and return what it left."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file, save_file

        job = self._approved(round_)
        self._record(job, round_)
        with tempfile.TemporaryDirectory(prefix="librum-round-") as folder:
            save_file({name: array.copy() for name, array in weights.items()}, Path(folder, "model.safetensors"))
            about = {"job": round_.job, "number": round_.number, "attempt": round_.attempt, "spec": round_.spec}
            Path(folder, "round.json").write_text(json.dumps(about), encoding="utf-8")
            with _environment(LIBRUM_ROUND=folder, LIBRUM_PYTHON=sys.executable):
                self._run(job, round_)
        left = self._find().job_review_path / "outputs"
        try:
            trained = load_file(left / "update.safetensors")
        except (OSError, SafetensorError):
            raise UpdateError(f"the job {self._job} left no outputs/update.safetensors") from None
        examples, metrics = numbers(_metrics(left / "metrics.json"))
        return Update(trained, examples, metrics)

    def _find(self) -> JobInfo:
        found = [job for job in self._owner.job_client.jobs if job.name == self._job and _owned(job, self._owner.email)]
        if len(found) != 1:
            raise NoDataError(f"{len(found)} jobs have the name {self._job}, want one")
        return found[0]

    def _approved(self, round_: Round) -> JobInfo:
        """Wait until the job is approved, and return it ready to run."""
        asked = False
        while True:
            job = self._find()
            if job.status == "rejected":
                raise NoDataError(f"the job {self._job} was rejected")
            if job.status not in ("received", "pending"):
                break
            if not asked:
                self._logger.info("job %s of %s waits for approval: digest %s", job.name, job.submitted_by, digest(job))
                asked = True
            if round_.cancelled.wait(POLL_S):
                raise NoDataError(f"the job {self._job} was not approved in time")
        _clear(job)  # what runs left, or somebody put there
        if (found := digest(job)) != self._digest:
            raise NoDataError(f"the job {self._job} has digest {found}, the owner read {self._digest}")
        if job.status in ("done", "failed"):
            job.rerun()  # the owner's approval is of the code, for each round
        elif job.status != "approved":
            raise NoDataError(f"the job {self._job} is {job.status}")
        return job

    def _run(self, job: JobInfo, round_: Round) -> None:
        others = [other.name for other in self._owner.job_client.jobs if other.name != job.name]
        runner = self._owner.job_runner
        if runner is None:
            raise NoDataError("the client is not the owner's")
        runner.process_approved_jobs(
            stream_output=False, timeout=int(round_.spec["round_timeout_s"]), skip_job_names=others
        )
        for name in ("stdout", "stderr"):
            shutil.move(job.job_review_path / f"{name}.txt", f"{self._log}.{name}")
        if (status := self._find().status) != "done":
            raise UpdateError(f"the job {self._job} is {status}: see {self._log}.stderr")

    def _record(self, job: JobInfo, round_: Round) -> None:
        state = job._state  # who approved it is told nowhere else
        line = {
            "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            "job": round_.job,
            "round": round_.number,
            "attempt": round_.attempt,
            "syft_job": job.name,
            "digest": self._digest,
            "submitted_by": job.submitted_by,
            "approved_by": state.approved_by,
            "approved_at": state.approved_at.isoformat() if state.approved_at else None,
            "approval_method": state.approval_method,
        }
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def digest(job: JobInfo) -> str:
    """Return the SHA-256 of what a job runs: ``run.sh`` and the files of its code, by path.

    What runs leave in the folder of the code, ``outputs``, ``.venv`` and ``__pycache__``, does not count: it is removed
    before each run.
    """
    folder = job.job_submission_path
    files = [folder / "run.sh", *(f for f in job.code_dir.rglob("*") if not f.is_dir() or f.is_symlink())]
    total = hashlib.sha256()
    for path in sorted(files):
        inside = path.relative_to(folder)
        if path.is_symlink() or not path.is_file():
            raise NoDataError(f"the job {job.name} has what is no file, {inside}")
        if _COMPILED in inside.parts or (len(inside.parts) > 1 and inside.parts[1] in _MADE):
            continue
        content = path.read_bytes()
        total.update(f"{len(inside.as_posix().encode())}:{inside.as_posix()}:{len(content)}:".encode() + content)
    return total.hexdigest()


def script(training: str | Path) -> str:
    """Return a bash job that runs a file of Python with the interpreter of the owner's peer.

    ``scientist.submit_bash_job(owner_email, librum.syft.script("train.py"), job_name="mlp")`` needs no package to be
    fetched where it runs; ``submit_python_job`` makes an environment of its own for each run. The file is run in the
    folder of the job's code, so ``outputs`` is there.
    """
    text = Path(training).read_text(encoding="utf-8")
    end = "LIBRUM_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"set -euo pipefail\ncd code\n\"$LIBRUM_PYTHON\" - <<'{end}'\n{text}\n{end}\n"


def _owned(job: JobInfo, email: str) -> bool:
    return bool(job.datasite_owner_email == email)


def _clear(job: JobInfo) -> None:
    for path in [*(job.code_dir / name for name in _MADE), *job.code_dir.rglob(_COMPILED)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _metrics(path: Path) -> Mapping[str, Any] | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        content = file.read(MAX_METRICS_BYTES + 1)
    try:
        value = json.loads(content) if len(content) <= MAX_METRICS_BYTES else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UpdateError("the job's outputs/metrics.json is no object of numbers")
    return value


@contextlib.contextmanager
def _environment(**given: str) -> Iterator[None]:
    """Set variables of this process, which a job's process gets, and put back what was there."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
