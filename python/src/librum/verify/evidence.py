"""Checks a file of evidence with nothing else at hand but the genesis digest.

What it rests on is told by the report: a quorum signed the last header, and so all before it; the rows of the job
follow from what its transactions wrote, whose digests stand in their results. Nothing is executed again.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from librum import ed25519, ledger, merkle
from librum import genesis as genesis_file
from librum.encoding import decode, digest
from librum.envelope import MAX_TRANSACTION_BYTES, TRANSACTION, Envelope, parse
from librum.errors import MalformedError, ProofError
from librum.ledger import HANDOVER, SIGNATURES, WRITE, Groups, Header, Result
from librum.shape import array, listing, sha256, string, uint
from librum.verify.job import Walk
from librum.verify.report import Finding, Report
from librum.verify.rows import Rows

MAGIC: Final = b"librumev"
VERSION: Final = 1
MAX_HEAD_BYTES: Final = genesis_file.MAX_BYTES + (16 << 20)
MAX_BLOCK_BYTES: Final = 2 * (64 << 20) + (1 << 20)
MAX_CONTENTS: Final = 1 << 20
_SUM: Final = 32
_START: Final = len(MAGIC) + 4
_HEAD: Final = array(
    genesis=string(), job=sha256, first=uint(64), last=uint(64), handovers=listing(HANDOVER),
    contents=listing(array(digest=sha256, size=uint(64)), MAX_CONTENTS),
)  # fmt: skip
_BLOCK: Final = array(
    header=string(), signatures=SIGNATURES, results=listing(string()),
    transactions=listing(array(index=uint(64), signed=string(), path=listing(string()), writes=listing(WRITE))),
)  # fmt: skip


def verify_file(path: Path, genesis: bytes | None = None, head: bytes | None = None, min_height: int = 0) -> Report:
    """Check a file of evidence.

    Parameters
    ----------
    path
        Of the file.
    genesis
        Digest that the file's genesis must have, 32 bytes; None: not known.
    head
        Hash that one of the file's headers must have; None: not known.
    min_height
        Height that the file must reach.
    """
    if path.stat().st_size == 0:
        return _failed(Report(), Finding("malformed", "file", "it is empty"))
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        memoryview(content) as view,
    ):
        return verify(view, genesis, head, min_height)


def verify(content: memoryview, genesis: bytes | None = None, head: bytes | None = None, min_height: int = 0) -> Report:
    """Check the bytes of a file of evidence, as :func:`verify_file` does."""
    report = Report()
    walk = _Evidence(content, genesis, head, min_height, report)
    try:
        walk.run()
    except Finding as finding:
        return _failed(report, finding)
    except (MalformedError, ProofError) as error:
        return _failed(report, Finding("malformed", walk.where, str(error)))
    finally:
        walk.release()
    return report


def _failed(report: Report, finding: Finding) -> Report:
    report.first = finding
    return report


class _Evidence:
    def __init__(
        self, content: memoryview, genesis: bytes | None, head: bytes | None, min_height: int, report: Report
    ) -> None:
        self.content = content
        self.anchor = genesis
        self.head = head
        self.min_height = min_height
        self.report = report
        self.where = "file"
        self.places: dict[bytes, memoryview] = {}
        self.opened: set[bytes] = set()
        self.created = False

    def release(self) -> None:
        """Let the file's bytes go."""
        for view in self.places.values():
            view.release()

    def get(self, wanted: bytes) -> memoryview | None:
        """Return a content, checked against its digest."""
        found = self.places.get(wanted)
        if found is None:
            return None
        if wanted not in self.opened and hashlib.sha256(found).digest() != wanted:
            raise Finding("content", wanted.hex(), "in the file it has another digest")
        self.opened.add(wanted)
        return found

    def run(self) -> None:
        """Check all, to the first finding."""
        genesis, self.job, first, last, handovers, contents, at, end = self._open()
        self.where = "head"
        origin = self._genesis(genesis)
        self.chain, self.shard = origin.chain, origin.shard
        self.report.genesis, self.report.job = origin.chain.hex(), self.job.hex()
        if self.anchor is not None and self.anchor != origin.chain:
            raise Finding(
                "anchor", "genesis", f"its digest is {origin.chain.hex()}, the anchor says {self.anchor.hex()}"
            )
        self.groups = Groups(origin.chain, origin.shard, origin.group)
        try:
            self.groups.follow(handovers)
        except (MalformedError, ProofError) as error:
            raise Finding("groups", "head", str(error)) from error
        self.keys = {digest(key): key for key in [*origin.keys, *origin.delegates]}
        self.keys |= {digest(n[2]): n[2] for handover in handovers for n in handover[2][1]}
        self.rows = Rows(self.job)
        previous, seen = b"", False
        for height, raw, signatures, results, transactions in self._blocks(at, end, first, last):
            self.where = f"block {height}"
            header = self._header(height, raw, previous, signatures)
            previous = digest(raw)
            seen = seen or previous == self.head
            self.report.blocks += 1
            self.report.head, self.report.height = previous.hex(), height
            if merkle.root(results) != header.results:
                raise Finding("result", self.where, "its results are not those under the header's root")
            self._results(header, results, transactions)
        if self.report.signers < 2 * self.report.nodes // 3 + 1:
            raise Finding(
                "missing",
                f"header {last}",
                f"signed by {self.report.signers} of {self.report.nodes} nodes: nothing shows that these are the chain",
            )
        if self.head is not None and not seen:
            raise Finding("missing", "anchor", f"none of the headers {first} to {last} has the hash {self.head.hex()}")
        if last < self.min_height:
            raise Finding("missing", "anchor", f"the file ends with block {last}, the anchor says {self.min_height}")
        self.where = "job"
        Walk(self.rows, self.chain, self, self.report).run()
        for wanted, _ in contents:
            if wanted not in self.opened:
                raise Finding("content", wanted.hex(), "the job does not name it")

    def _genesis(self, raw: bytes) -> genesis_file.Genesis:
        try:
            return genesis_file.parse(raw)
        except MalformedError as error:
            raise Finding("genesis", "head", str(error)) from error

    def _open(self) -> Any:
        """Check the form of the file; return its head, and where the blocks begin and end."""
        size = len(self.content)
        if size < _START + 4 + _SUM:
            raise Finding("malformed", "file", f"{size} bytes")
        if hashlib.sha256(self.content[: size - _SUM]).digest() != self.content[size - _SUM :]:
            raise Finding("malformed", "file", "its SHA-256 is not the one it ends with: damaged, or cut short")
        if self.content[:_START] != MAGIC + struct.pack(">I", VERSION):
            raise Finding("malformed", "file", "it does not begin as evidence of version 1 does")
        end = size - _SUM
        raw, at = self._frame(_START, end, MAX_HEAD_BYTES)
        genesis, job, first, last, handovers, contents = _HEAD(decode("head", raw, MAX_HEAD_BYTES), "head")
        digests = [d for d, _ in contents]
        if first == 0 or last < first or sorted(set(digests)) != digests:
            raise Finding("malformed", "head", f"heights {first} to {last}, or contents out of order")
        for wanted, length in reversed(contents):
            if length > end - at:
                raise Finding("malformed", "head", f"content {wanted.hex()[:8]} is longer than the file")
            self.places[wanted] = self.content[end - length : end]
            end -= length
        return genesis, job, first, last, handovers, contents, at, end

    def _frame(self, at: int, end: int, limit: int) -> tuple[bytes, int]:
        if end - at < 4:
            raise Finding("malformed", "file", f"it ends at byte {at}, where a part should begin")
        (length,) = struct.unpack(">I", self.content[at : at + 4])
        at += 4
        if length > min(end - at, limit):
            raise Finding("malformed", "file", f"a part of {length} bytes at byte {at}")
        return bytes(self.content[at : at + length]), at + length

    def _blocks(self, at: int, end: int, first: int, last: int) -> Iterator[tuple[int, bytes, Any, Any, Any]]:
        for height in range(first, last + 1):
            raw, at = self._frame(at, end, MAX_BLOCK_BYTES)
            header, signatures, results, transactions = _BLOCK(decode("block", raw, MAX_BLOCK_BYTES), "block")
            yield height, header, signatures, results, transactions
        if at != end:
            raise Finding("malformed", "file", f"{end - at} bytes that belong to nothing at byte {at}")

    def _header(self, height: int, raw: bytes, previous: bytes, signatures: Any) -> Header:
        header, where = ledger.parse_header(raw), f"header {height}"
        if header.chain != self.chain or header.shard != self.shard or header.height != height:
            raise Finding("header", where, "it is of another chain, shard or height")
        if previous and header.previous != previous:
            raise Finding("header", where, "it does not follow the header before")
        group, first, last = self.groups.of(header.epoch)
        if height < first or (last and height > last):
            raise Finding("groups", where, f"epoch {header.epoch} has heights {first} to {last}")
        if len(signatures) > len(group.nodes) or any(s[0] != height for s in signatures):
            raise Finding("signature", where, "signatures of another height, or more than there are nodes")
        count = ledger.signers(raw, group, signatures)
        if count != len(signatures):
            raise Finding("signature", where, f"{count} of {len(signatures)} signatures hold")
        self.report.signers, self.report.nodes = count, len(group.nodes)
        self.report.signatures += count
        return header

    def _results(self, header: Header, results: list[bytes], transactions: list[Any]) -> None:
        """Go through all results of a block: those of the job must be there with their transactions."""
        rest = list(transactions)
        for i, leaf in enumerate(results):
            where = f"block {header.height}, transaction {i}"
            result = ledger.parse_result(leaf)
            if not rest or rest[0][0] != i:
                if self._related(result):
                    raise Finding("omitted", where, "it took effect on the job, and is not in the file")
                continue
            self._transaction(where, header, result, len(results), *rest.pop(0))
        if rest:
            raise Finding(
                "transaction", f"block {header.height}", "a transaction is none of its results, or out of order"
            )

    def _related(self, result: Result) -> bool:
        """Return whether a result has an event that names the job: "job" stands before its 32 bytes."""
        named = b"\x63job\x58\x20" + self.job
        return any(named in data for _, data in result.events)

    def _transaction(
        self, where: str, header: Header, result: Result, size: int, index: int, signed: bytes, path: Any, writes: Any
    ) -> None:
        envelope: Envelope = parse("transaction", signed, MAX_TRANSACTION_BYTES)
        if envelope.identify(TRANSACTION) != result.id:
            raise Finding("transaction", where, "it is not the one whose result stands there")
        if not merkle.holds(signed, index, size, path, header.transactions):
            raise Finding("transaction", where, "its bytes are not under the header's root")
        if ledger.writes_digest(writes) != result.writes:
            raise Finding("writes", where, "they have another digest than the result says")
        if not self._related(result) and not any(self.job in key for key, _, _ in writes):
            raise Finding("transaction", where, "it has nothing to do with the job")
        if not self.created:
            if not result.events or result.events[0][0] != "job.created":
                raise Finding("omitted", where, "the file begins with it, and it did not create the job")
            self.created = True
        key = self.keys.get(envelope.key)
        if key is None:
            self.report.accepted += 1
        elif ed25519.verify(key, envelope.covered(TRANSACTION), envelope.signature):
            self.report.signatures += 1
        else:
            raise Finding("signature", where, "it does not hold")
        self.rows.apply(writes)
        self.report.transactions += 1
