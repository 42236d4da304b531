"""The requests of the HTTP interface, one function each."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from librum import wire
from librum.encoding import digest, encode
from librum.errors import AnswerError, DigestError
from librum.keys import Key
from librum.reading import read
from librum.steps import Answer, Request, Retry, Steps, ask, document, reader
from librum.transaction import sign

T = TypeVar("T")

SUBMIT_LIFE_MS: Final = 120_000  # how long a signed call may wait for its place on the ledger
POLL_S: Final = 25


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list, and where the next one begins; ``""`` at the end."""

    items: list[T]
    next_cursor: str


@dataclass(frozen=True)
class Calls:
    """Builds the steps of each call with the client's way of repeating."""

    retry: Retry

    def get(self, path: str, parse: Callable[[Answer], T], **params: object) -> Steps[T]:
        """Read a path; parameters that are None are left out."""
        given = {name: str(value) for name, value in params.items() if value is not None}
        return ask(self.retry, Request("GET", path, given, safe=True), parse)

    def page(self, path: str, name: str, kind: type[T], **params: object) -> Steps[Page[T]]:
        """Read a part of a list."""

        def parse(answer: Answer) -> Page[T]:
            value = document(answer)
            items = value.get(name) if isinstance(value, dict) else None
            if not isinstance(items, list):
                raise AnswerError(f"{path}: want a list of {name}")
            cursor = value.get("next_cursor") or ""
            return Page([read(kind, item, f"{name}[{i}]") for i, item in enumerate(items)], str(cursor))

        return self.get(path, parse, **params)

    def post(self, path: str, kind: type[T], value: object = None, **headers: str) -> Steps[T]:
        """Send JSON to a path that knows repeats."""
        content = None if value is None else json.dumps(value).encode()
        header = {name.replace("_", "-"): text for name, text in headers.items()}
        if content is not None:
            header["Content-Type"] = "application/json"
        return ask(self.retry, Request("POST", path, headers=header, content=content, safe=True), reader(kind))

    def submit_job(self, spec: Mapping[str, Any], key: str | None) -> Steps[wire.Job]:
        """Create a job under an idempotency key, made up where none is given."""
        return self.post("/v1/jobs", wire.Job, dict(spec), Idempotency_Key=key or secrets.token_hex(16))

    def card(self, job: str) -> Steps[Any]:
        """Read a model card, checked against the digest that the job names."""
        found = yield from self.get(f"/v1/jobs/{job}", reader(wire.Job))
        content: bytes = yield from self.get(f"/v1/models/{job}/card", lambda answer: answer.content)
        if found.card is None or digest(content).hex() != found.card.digest:
            raise DigestError(
                f"the model card of job {job[:8]} has digest {digest(content).hex()}, the job names another"
            )
        return document(Answer(200, {}, content))

    def provenance(self, job: str, version: int | None, form: str) -> Steps[Any]:
        """Read where a version of a model comes from."""
        if version is None:
            found = yield from self.get(f"/v1/jobs/{job}", reader(wire.Job))
            version = found.final_rounds
        return (yield from self.get(f"/v1/models/{job}/versions/{version}/provenance", document, form=form))

    def submit(self, signed: bytes, wait: str) -> Steps[wire.Transaction]:
        """Send a signed transaction. The same bytes are the same transaction, so repeats are safe."""
        request = Request(
            "POST", "/v1/transactions", {"wait": wait}, {"Content-Type": "application/cose"}, signed, safe=True
        )
        return ask(self.retry, request, reader(wire.Transaction))

    def submit_batch(self, signed: Sequence[bytes], wait: str) -> Steps[list[wire.Transaction]]:
        """Send signed transactions, and return what became of each."""
        request = Request(
            "POST",
            "/v1/transactions",
            {"wait": wait},
            {"Content-Type": "application/cbor"},
            encode(list(signed)),
            safe=True,
        )

        def parse(answer: Answer) -> list[wire.Transaction]:
            value = document(answer)
            found = value.get("transactions") if isinstance(value, dict) else None
            return [read(wire.Transaction, item, f"transactions[{i}]") for i, item in enumerate(found or [])]

        found = yield from ask(self.retry, request, parse)
        if len(found) != len(signed):
            raise AnswerError(f"{len(found)} outcomes for {len(signed)} transactions")
        return found

    def call(
        self,
        key: Key,
        contract: str,
        method: str,
        args: Mapping[str, Any],
        sender: str | None,
        chain: str | None,
        wait: str,
    ) -> Steps[wire.Transaction]:
        """Sign a call of a contract and submit it."""
        status = yield from self.get("/v1/status", reader(wire.Status))
        if sender is None:
            owner = yield from self.get(f"/v1/keys/{key.id.hex()}", reader(wire.KeyOwner))
            sender = owner.member
        governance = yield from self.get("/v1/governance", reader(wire.Governance))
        signed = sign(
            key,
            chain=bytes.fromhex(chain or status.chain),
            sender=bytes.fromhex(sender),
            contract=contract,
            method=method,
            args=args,
            expiry=int(time.time() * 1000) + min(SUBMIT_LIFE_MS, governance.limits.max_ttl // 2),
            shard=status.shard,
        )
        return (yield from self.submit(signed, wait))

    def task(self, peer: str, wait_s: int) -> Steps[wire.Task | None]:
        """Wait for a task, at most so many seconds; None where there was none."""
        request = Request("GET", f"/v1/peers/{peer}/tasks", {"wait_s": str(wait_s)}, safe=True, timeout=wait_s + 60.0)
        return ask(self.retry, request, lambda answer: None if answer.status == 204 else reader(wire.Task)(answer))

    def delete(self, path: str) -> Steps[None]:
        """Remove what a path names."""
        return ask(self.retry, Request("DELETE", path, safe=True), lambda _: None)
