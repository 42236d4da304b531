"""A network of one's own on this machine, for notebooks and tests: ``librum dev``, started and stopped from Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final

from librum.client import Client
from librum.errors import UnreachableError

START_S: Final = 120.0
STOP_S: Final = 120.0


class Network:
    """Four nodes in a process, and peers that have the UCI digits: 64 grey values, 10 labels.

    Parameters
    ----------
    directory
        Of the network, taken up where it was left if it is there; None: a temporary one, removed in the end.
    peers
        That train in the process, of a new network.
    external
        Keys for peers that run elsewhere; :meth:`key` names their files.
    hold_out
        Share of its rows that each peer in the process holds out, for jobs with ``fraction_evaluate``.
    binary
        The program; None: ``$LIBRUM_BIN``, or ``librum`` on the path.

    Attributes
    ----------
    url, genesis, token
        Where it listens on loopback, its genesis digest, and the bearer token of its member.
    directory
        With keys, ledger and log.

    Raises
    ------
    FileNotFoundError
        There is no program.
    UnreachableError
        It ended at once, with what it said, or was not ready within two minutes.
    """

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        peers: int = 5,
        external: int = 0,
        hold_out: float = 0.0,
        binary: str | Path | None = None,
    ) -> None:
        program = str(binary or os.environ.get("LIBRUM_BIN") or shutil.which("librum") or "")
        if not program or not Path(program).is_file():
            raise FileNotFoundError(
                f"{program or 'librum'}: no program there; name it in $LIBRUM_BIN, or put it on the path"
            )
        self._temporary = tempfile.TemporaryDirectory(prefix="librum-") if directory is None else None
        self.directory = Path(self._temporary.name) / "network" if self._temporary else Path(str(directory))
        self.binary = program
        command = [program, "dev", "--dir", str(self.directory), "--listen", "127.0.0.1:0", "--peers", str(peers)]
        if hold_out:
            command += ["--hold-out", str(hold_out)]
        if external:
            command += ["--external-peers", str(external)]
        self._log = self.directory.with_suffix(".log")
        with self._log.open("w") as errors:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603
        try:
            said = self._said()
        except BaseException:
            self._process.kill()
            self._end()
            raise
        self.url = said["listening"].removeprefix("at ")
        self.genesis = said["genesis"]
        self.token = (self.directory / "token").read_text().strip()

    def client(self) -> Client:
        """Return a client with the token of the network's member."""
        return Client(self.url, token=self.token)

    def key(self, peer: int) -> Path:
        """Return the key file of a peer that runs elsewhere."""
        return self.directory / "peers" / f"external-{peer}-key"

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run ``librum`` with these arguments against the network, and return what it printed.

        Raises
        ------
        RuntimeError
            It ended with another code.
        """
        given = {"LIBRUM_SERVER": self.url, "LIBRUM_TOKEN_FILE": str(self.directory / "token")}
        done = subprocess.run(  # noqa: S603
            [self.binary, *arguments], capture_output=True, text=True, timeout=600, env=os.environ | given, check=False
        )
        if done.returncode != code:
            raise RuntimeError(f"librum {' '.join(arguments[:2])}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def stop(self) -> None:
        """Stop the nodes and leave the directory, unless it was a temporary one. What is stopped stays stopped.

        Raises
        ------
        RuntimeError
            The process ended badly; its log says why.
        """
        if self._process.poll() is None:
            self._process.terminate()
        try:
            code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait(STOP_S)
        tail = self._log.read_text()[-2000:] if code and self._log.exists() else ""
        if self._process.stdout is not None:
            self._process.stdout.close()
        if code:
            raise RuntimeError(f"librum dev: exit {code}: {tail}")

    def close(self) -> None:
        """Stop the nodes, and remove a temporary directory."""
        try:
            self.stop()
        finally:
            if self._temporary:
                self._temporary.cleanup()

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _said(self) -> dict[str, str]:
        """Read the first lines. The process is killed when they do not come, which ends the reading."""
        late = threading.Timer(START_S, self._process.kill)
        late.start()
        said: dict[str, str] = {}
        try:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                word, _, rest = line.strip().partition(" ")
                said[word] = rest
                if all(name in said for name in ("listening", "genesis")):
                    return said
        finally:
            late.cancel()
        raise UnreachableError(f"librum dev did not start: {self._log.read_text()[-2000:].strip()}")

    def _end(self) -> None:
        self._process.wait(STOP_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._temporary:
            self._temporary.cleanup()
