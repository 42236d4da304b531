"""The blocking client of a node. :mod:`librum.aio` has its twin for asyncio, method by method."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from librum import address, frames, wire
from librum.aggregations import Aggregations
from librum.calls import Calls, Page
from librum.errors import AnswerError, JobEndedError, UnreachableError
from librum.follow import ENDS, Follower
from librum.keys import Key
from librum.nfts import NFTs
from librum.progress import Progress
from librum.search import Search
from librum.session import Identity, Session
from librum.steps import MAX_ANSWER_BYTES, Answer, Content, Request, Rest, Retry, Steps, problem_of, reader
from librum.tokens import Tokens
from librum.transfer import download, download_file, upload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")


class Client:
    """Talks to one node.

    Parameters
    ----------
    url
        Such as ``https://node.example``. Plain HTTP is for this machine alone, unless ``plain_http`` is true.
    token
        Bearer token; ``librum identity token`` makes one.
    identity
        A member's own key in its place: tokens that only read are asked for with it, and renewed; on
        plain HTTP alone.
    ca
        File with the CAs that vouch for the node; None: the system's, or those of ``$SSL_CERT_FILE``.
    timeout
        Seconds for a request that waits for nothing long.
    idle
        Seconds that a transfer or stream may stand still.
    retries, backoff
        Repeats after the first try where they are safe, and seconds before the first of them, doubled each time.
    transport
        How bytes travel, for tests; None: HTTP over TCP.

    Raises
    ------
    ValueError
        The URL is none, or would send the token over a network in the clear.

    Every method may raise a :class:`librum.Problem` (the node refused), :class:`librum.UnreachableError` (it did not
    answer) or :class:`librum.AnswerError` (what it answered is not what the interface promises).
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        identity: Identity | None = None,
        ca: str | Path | None = None,
        timeout: float = 60.0,
        idle: float = 60.0,
        retries: int = 5,
        backoff: float = 0.2,
        plain_http: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        base = address.check(url, plain_http)
        headers = {"Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if token and identity is not None:
            raise ValueError("give a token or an identity, not both")
        verify: ssl.SSLContext | bool = address.tls(ca) if base.startswith("https") else True
        self.url = base
        self._timeout = timeout
        self._retry = Retry(retries, backoff)
        self._calls = Calls(self._retry)
        self._http = httpx.Client(
            base_url=base,
            headers=headers,
            verify=verify,
            transport=transport,
            auth=None if identity is None else Session(base, identity, timeout),
            timeout=httpx.Timeout(idle, connect=min(address.CONNECT_S, idle)),
        )
        self.accounts = Accounts(self)
        self.aggregations = Aggregations(self)
        self.blocks = Blocks(self)
        self.chain = Chain(self)
        self.governance = Governance(self)
        self.health = Health(self)
        self.identities = Identities(self)
        self.jobs = Jobs(self)
        self.models = Models(self)
        self.nfts = NFTs(self)
        self.peers = Peers(self)
        self.search = Search(self)
        self.tokens = Tokens(self)
        self.transactions = Transactions(self)
        self.uploads = Uploads(self)

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, steps: Steps[T]) -> T:
        """Take the steps of a call, to its result."""
        reply: Answer | None = None
        error: UnreachableError | None = None
        while True:
            try:
                wanted = steps.throw(error) if error is not None else steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = error = None
            if isinstance(wanted, Rest):
                time.sleep(wanted.seconds)
                continue
            try:
                reply = self._send(wanted)
            except UnreachableError as unreachable:
                error = unreachable

    def walk(self, path: str, name: str, kind: type[T], **params: object) -> Iterator[T]:
        """Go through a list, page by page."""
        cursor: str | None = None
        while cursor != "":
            page: Page[T] = self.run(self._calls.page(path, name, kind, cursor=cursor, **params))
            yield from page.items
            cursor = page.next_cursor

    def stream(self, follower: Follower) -> Iterator[wire.Event]:
        """Give the events of a job until it ends."""
        rests = self._retry.rests()
        while not follower.done:
            pause, failure = None, None
            try:
                with self._open(follower.request()) as response:
                    if response.status_code == 204:  # the job has ended and nothing lies behind the last id
                        return
                    if response.status_code >= 300:
                        failure = problem_of(self._read(response, time.monotonic() + self._timeout))
                        if not failure.temporary:
                            raise failure
                    else:
                        for chunk in response.iter_raw():
                            for event in follower.feed(chunk):
                                rests.progress()
                                yield event
                            if follower.done:
                                return
            except httpx.TransportError as error:
                pause = rests.next()
                if pause is None:
                    raise UnreachableError(f"follow a job at {self.url}: {error}") from error
            pause = pause or rests.next(failure.retry_after if failure else 0.0)
            if pause is None:
                raise failure or UnreachableError(f"follow a job at {self.url}: the stream ends again and again")
            time.sleep(pause.seconds)

    def _open(self, request: Request) -> Any:
        content: Any = request.content
        headers = dict(request.headers)
        if isinstance(content, Content):
            headers["Content-Length"] = str(content.size)
            content = content.chunks()
        return self._http.stream(
            request.method, request.path, params=dict(request.params), headers=headers, content=content
        )

    def _send(self, request: Request) -> Answer:
        limit = time.monotonic() + (request.timeout or self._timeout)
        try:
            with self._open(request) as response:
                head = Answer(response.status_code, dict(response.headers))
                if request.sink is None or head.status >= 300:
                    return self._read(response, limit)
                take = request.sink(head)
                for chunk in response.iter_raw():
                    take(chunk)
                return head
        except httpx.TransportError as error:
            raise UnreachableError(f"ask {self.url}{request.path}: {type(error).__name__}: {error}") from error

    def _read(self, response: httpx.Response, limit: float) -> Answer:
        content = bytearray()
        for chunk in response.iter_raw():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise AnswerError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            if time.monotonic() > limit:
                raise UnreachableError(f"ask {self.url}: the answer did not end in time")
        return Answer(response.status_code, dict(response.headers), bytes(content))


class _Part:
    """A part of the interface."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._calls = client._calls

    def _run(self, steps: Steps[T]) -> T:
        return self._client.run(steps)


class Accounts(_Part):
    """Balances and standings."""

    def get(self, account: str) -> wire.Account:
        """Return balance and standing of an account, by its id."""
        return self._run(self._calls.get(f"/v1/accounts/{account}", reader(wire.Account)))


class Blocks(_Part):
    """Blocks and what is in them."""

    def list(self, *, order: str | None = None) -> Iterator[wire.Header]:
        """Go through the headers, the newest first, or with ``order="asc"`` the oldest."""
        return self._client.walk("/v1/blocks", "blocks", wire.Header, order=order)

    def get(self, height: int) -> wire.Block:
        """Return a block."""
        return self._run(self._calls.get(f"/v1/blocks/{height}", reader(wire.Block)))

    def encoded(self, height: int) -> bytes:
        """Return the bytes of a whole block with its signatures, which only an auditor's token gets."""
        return self._run(self._calls.get(f"/v1/blocks/{height}/bytes", lambda answer: answer.content))


class Chain(_Part):
    """What the node knows of the chain as a whole."""

    def status(self) -> wire.Status:
        """Return where the node stands."""
        return self._run(self._calls.get("/v1/status", reader(wire.Status)))

    def genesis(self) -> bytes:
        """Return the genesis file. Compare its SHA-256 with one that you got from somebody trusted."""
        return self._run(self._calls.get("/v1/genesis", lambda answer: answer.content))

    def groups(self, from_epoch: int = 0) -> wire.Groups:
        """Return the groups that follow that of an epoch, with their proof."""
        return self._run(self._calls.get("/v1/groups", reader(wire.Groups), **{"from": from_epoch}))


class Governance(_Part):
    """What the organisations agree on."""

    def get(self) -> wire.Governance:
        """Return what is in force."""
        return self._run(self._calls.get("/v1/governance", reader(wire.Governance)))

    def proposals(self, *, state: str | None = None) -> Iterator[wire.Proposal]:
        """Go through the proposals."""
        return self._client.walk("/v1/proposals", "proposals", wire.Proposal, state=state)

    def proposal(self, proposal: str) -> wire.Proposal:
        """Return a proposal."""
        return self._run(self._calls.get(f"/v1/proposals/{proposal}", reader(wire.Proposal)))


class Health(_Part):
    """Whether the node works."""

    def alive(self) -> bool:
        """Return whether the node's process answers."""
        return self._run(self._calls.get("/healthz", lambda answer: answer.status < 300))

    def ready(self) -> bool:
        """Return whether the node takes transactions; a :class:`librum.Problem` says why not."""
        return self._run(self._calls.get("/readyz", lambda answer: answer.status < 300))


class Identities(_Part):
    """Keys and tokens of members."""

    def owner(self, key: str) -> wire.KeyOwner:
        """Return whose a key is, by the SHA-256 of its public part."""
        return self._run(self._calls.get(f"/v1/keys/{key}", reader(wire.KeyOwner)))

    def tokens(self) -> list[wire.BearerToken]:
        """Return one's own bearer tokens at this node."""
        return self._run(self._calls.page("/v1/bearer-tokens", "tokens", wire.BearerToken)).items

    def revoke_token(self, token: str) -> None:
        """End a bearer token at once, by its id."""
        self._run(self._calls.delete(f"/v1/bearer-tokens/{token}"))


class Jobs(_Part):
    """Training jobs."""

    def submit(self, spec: Mapping[str, Any], *, key: str | None = None) -> wire.Job:
        """Create a job.

        Parameters
        ----------
        spec
            The job spec; what is left out has the node's default, an unknown field is refused.
        key
            Idempotency key of up to 128 bytes: the same key never makes a second job. One is made up otherwise.
        """
        return self._run(self._calls.submit_job(spec, key))

    def get(self, job: str) -> wire.Job:
        """Return where a job stands."""
        return self._run(self._calls.get(f"/v1/jobs/{job}", reader(wire.Job)))

    def list(self) -> Iterator[wire.Job]:
        """Go through the jobs that one may see, in the order of their ids."""
        return self._client.walk("/v1/jobs", "jobs", wire.Job)

    def cancel(self, job: str) -> wire.Job:
        """End a job of one's own. One that is cancelled already stays so."""
        return self._run(self._calls.post(f"/v1/jobs/{job}/cancel", wire.Job))

    def rounds(self, job: str) -> Iterator[wire.Round]:
        """Go through a job's rounds, the oldest first."""
        return self._client.walk(f"/v1/jobs/{job}/rounds", "rounds", wire.Round)

    def updates(self, job: str, round_number: int) -> Iterator[wire.Update]:
        """Go through what the peers of a round answered. Numbers of examples and metrics are their claims."""
        return self._client.walk(f"/v1/jobs/{job}/rounds/{round_number}/updates", "updates", wire.Update)

    def peers(self, job: str) -> Sequence[wire.JobPeer]:
        """Return what each peer contributed and how often it failed, over all rounds, by id."""
        sums: dict[str, wire.JobPeer] = {}
        for p in self._client.walk(f"/v1/jobs/{job}/peers", "peers", wire.JobPeer):
            sums[p.peer] = sums[p.peer] + p if p.peer in sums else p
        return [sums[peer] for peer in sorted(sums)]

    def metrics(self, job: str) -> Iterator[wire.RoundMetrics]:
        """Go through what the final rounds reached. Metrics are claims of the nodes that committed."""
        return self._client.walk(f"/v1/jobs/{job}/metrics", "metrics", wire.RoundMetrics)

    def frame(self, job: str, kind: str | None = None) -> Any:
        """Return the metrics as a data frame of pandas or polars, a row per final round."""
        return frames.frame([m for m in self.metrics(job)], kind)  # noqa: C416  as in the twin

    def events(self, job: str, *, after: str = "") -> Iterator[wire.Event]:
        """Give all that the ledger says about a job, each event once, until the one that ends it.

        Parameters
        ----------
        job
            Id of the job.
        after
            Position behind which to begin; ``""``: the start.
        """
        return self._client.stream(Follower(job, after))

    def wait(self, job: str, *, timeout: float | None = None, progress: bool | None = None) -> wire.Job:
        """Wait until a job has finished, and return it.

        Parameters
        ----------
        job
            Id of the job.
        timeout
            Seconds, seen at each event; None: as long as the job takes.
        progress
            Show a bar; None: in notebooks and terminals.

        Raises
        ------
        librum.JobEndedError
            The job failed or was cancelled.
        TimeoutError
            It had not ended in time.
        """
        found = self.get(job)
        limit = None if timeout is None else time.monotonic() + timeout
        bar = Progress(found.num_rounds, progress)
        try:
            for event in self.events(job):
                bar.take(event)
                if event.type not in ENDS and limit is not None and time.monotonic() > limit:
                    raise TimeoutError(f"job {job[:8]} has not ended after {timeout} s")
        finally:
            bar.close()
        found = self.get(job)
        if found.state != "finished":
            raise JobEndedError(job, found.state, found.reason or "")
        return found


class Models(_Part):
    """Models and their cards."""

    def download(self, job: str, path: str | Path, *, version: int | None = None) -> wire.File:
        """Put a model into the file at path, checked by its digest; a download that broke off is gone on with.

        Parameters
        ----------
        job
            Id of the job.
        path
            Of the safetensors file.
        version
            Number of the round whose result it is, 0 the initial model; None: the newest.
        """
        return self._run(download_file(self._client._retry, self._route(job, version), Path(path)))

    def weights(self, job: str, *, version: int | None = None) -> dict[str, NDArray[np.generic]]:
        """Return a model's tensors by name, checked by the file's digest."""
        from safetensors.numpy import load

        content = self._run(download(self._client._retry, self._route(job, version)))
        return load(bytes(content))

    def blob(self, digest: str, *, most: int = 4 << 30) -> bytearray:
        """Return the content with that SHA-256, of at most so many bytes."""
        return self._run(download(self._client._retry, f"/v1/blobs/{digest}", digest, most))

    def card(self, job: str) -> Any:
        """Return the model card of a finished job, checked against the digest that the job names."""
        return self._run(self._calls.card(job))

    def provenance(self, job: str, *, version: int | None = None, form: str = "prov") -> Any:
        """Return where a version of a model comes from, as the node tells it.

        Parameters
        ----------
        job
            Id of the job.
        version
            Number of the round whose result it is; None: the newest.
        form
            ``prov`` for W3C PROV-JSON, ``in-toto`` for a statement with SLSA Provenance.
        """
        return self._run(self._calls.provenance(job, version, form))

    def _route(self, job: str, version: int | None) -> str:
        if version is None:
            found = self._run(self._calls.get(f"/v1/jobs/{job}", reader(wire.Job)))
            version = found.final_rounds
        return f"/v1/models/{job}/versions/{version}"


class Peers(_Part):
    """Training participants."""

    def get(self, peer: str) -> wire.Peer:
        """Return a registered peer."""
        return self._run(self._calls.get(f"/v1/peers/{peer}", reader(wire.Peer)))

    def list(self) -> Iterator[wire.Peer]:
        """Go through the registered peers in the order of their ids."""
        return self._client.walk("/v1/peers", "peers", wire.Peer)

    def task(self, peer: str, *, wait_s: int = 25) -> wire.Task | None:
        """Wait for a task of the peer whose token this is, at most so many seconds; None where there is none."""
        return self._run(self._calls.task(peer, wait_s))


class Transactions(_Part):
    """Signed transactions."""

    def submit(self, signed: bytes, *, wait: str = "executed") -> wire.Transaction:
        """Send a signed transaction, and return what became of it; one that had no effect raises its problem.

        Parameters
        ----------
        signed
            See :func:`librum.transaction.sign`.
        wait
            ``"executed"``: this node's word; ``"final"``: the quorum's.
        """
        return self._run(self._calls.submit(signed, wait))

    def submit_batch(self, signed: Sequence[bytes], *, wait: str = "executed") -> list[wire.Transaction]:
        """Send signed transactions, and return what became of each."""
        return self._run(self._calls.submit_batch(signed, wait))

    def call(
        self,
        key: Key,
        contract: str,
        method: str,
        args: Mapping[str, Any],
        *,
        sender: str | None = None,
        chain: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Sign a call of a contract here and submit it.

        Parameters
        ----------
        key
            Of the member; it never leaves.
        contract, method, args
            What is called. Byte strings are ``bytes``, amounts :func:`librum.transaction.amount`.
        sender
            Id of the member; None: whose the node says that the key is.
        chain
            Genesis digest; None: the node's.
        wait
            As in :meth:`submit`.
        """
        return self._run(self._calls.call(key, contract, method, args, sender, chain, wait))

    def get(self, transaction: str) -> wire.Transaction:
        """Return what became of a transaction."""
        return self._run(self._calls.get(f"/v1/transactions/{transaction}", reader(wire.Transaction)))

    def proof(self, transaction: str) -> wire.Proof:
        """Return the proof of a final transaction's result; believed after :meth:`librum.ledger.Groups.check`."""
        return self._run(self._calls.get(f"/v1/transactions/{transaction}/proof", reader(wire.Proof)))


class Uploads(_Part):
    """Updates of peers."""

    def send(self, job: str, round_: int, peer: str, content: bytes | bytearray | memoryview) -> wire.Upload:
        """Send an update, going on from where the node got, and return it with its receipts."""
        return self._run(upload(self._client._retry, job, round_, peer, content))

    def get(self, upload_id: str) -> wire.Upload:
        """Return where an upload stands."""
        return self._run(self._calls.get(f"/v1/uploads/{upload_id}", reader(wire.Upload)))
