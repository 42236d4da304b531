"""Bearer tokens that a member's own key gets, kept in memory and renewed before they end.

Over TLS a request for a token names the session that it goes over (RFC 9266), so that the node that gets it can't use
it at another one. Python's own TLS does not tell what a session's name is, so this works on plain HTTP alone, where
there is none to name; elsewhere ``librum identity token`` gets a token.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from librum import wire
from librum.encoding import encode
from librum.envelope import TOKEN_REQUEST, seal
from librum.errors import AnswerError, UnreachableError
from librum.keys import Key
from librum.reading import read
from librum.steps import MAX_PROBLEM_BYTES, Answer, document, problem_of

REQUEST_LIFE_MS: Final = 120_000  # room for clocks that differ
SESSION_LIFE_S: Final = 3_600
RENEW_AT: Final = 0.75  # of a token's life
_PATH: Final = "/v1/bearer-tokens"
_CHALLENGE: Final = re.compile(r'Bearer realm="librum", chain="[0-9a-f]{64}", node="([0-9a-f]{32})"')


@dataclass(frozen=True)
class Identity:
    """A member's own key, which a client may have in place of a token.

    Attributes
    ----------
    key
        Of the member; it never leaves.
    chain
        Genesis digest, 32 bytes: the request for a token is good on no other chain.
    name
        Of the tokens, for people; up to 64 bytes.
    """

    key: Key
    chain: bytes
    name: str = "librum (Python)"


class Session(httpx.Auth):
    """Adds a token to requests, and asks for another where the node knows the old one no more."""

    def __init__(self, url: str, identity: Identity, timeout: float) -> None:
        if not url.startswith("http://"):
            raise ValueError("over TLS give a token, by `librum identity token`: Python can't ask for one there")
        self._url = url
        self._identity = identity
        self._timeout = timeout
        self._turn = threading.Lock()
        self._secret = ""
        self._renew = 0.0

    def token(self) -> str:
        """Return a token that lives on for a while; all who need one meanwhile share it."""
        with self._turn:
            if not self._secret or time.monotonic() >= self._renew:
                made = ask(self._url, self._identity, self._timeout)
                self._secret, self._renew = made.secret, time.monotonic() + SESSION_LIFE_S * RENEW_AT
            return self._secret

    def drop(self, secret: str) -> None:
        """Forget a token that the node refused."""
        with self._turn:
            if self._secret == secret:
                self._secret = ""

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with a token, and once more with a new one where its body can be sent again."""
        secret = self.token()
        request.headers["Authorization"] = f"Bearer {secret}"
        response = yield request
        if response.status_code == 401:
            self.drop(secret)
            if isinstance(request.stream, httpx.ByteStream):
                request.headers["Authorization"] = f"Bearer {self.token()}"
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same; the token is asked for in a thread."""
        secret = await asyncio.to_thread(self.token)
        request.headers["Authorization"] = f"Bearer {secret}"
        response = yield request
        if response.status_code == 401:
            self.drop(secret)
            if isinstance(request.stream, httpx.ByteStream):
                request.headers["Authorization"] = f"Bearer {await asyncio.to_thread(self.token)}"
                yield request


def ask(url: str, identity: Identity, timeout: float) -> wire.NewBearerToken:
    """Ask a node for a token that only reads."""
    parts = urlsplit(url)
    try:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
        try:
            node = _challenge(_exchange(connection, "GET", f"{parts.path}/v1/status", b""))
            wanted = {
                "version": 1, "chain": identity.chain, "node": node, "channel": bytes(32), "name": identity.name,
                "signs": False, "life": SESSION_LIFE_S, "expiry": int(time.time() * 1000) + REQUEST_LIFE_MS,
                "nonce": secrets.token_bytes(16),
            }  # fmt: skip
            body = seal(identity.key, TOKEN_REQUEST, encode(wanted))
            answer = _exchange(connection, "POST", f"{parts.path}{_PATH}", body)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"ask {url} for a token: {type(error).__name__}: {error}") from error
    if answer.status >= 300:
        raise problem_of(answer)
    return read(wire.NewBearerToken, document(answer), "NewBearerToken")


def _exchange(connection: http.client.HTTPConnection, method: str, path: str, body: bytes) -> Answer:
    connection.request(method, path, body or None, {"Content-Type": "application/cose"} if body else {})
    response = connection.getresponse()
    content = response.read(MAX_PROBLEM_BYTES + 1)
    if len(content) > MAX_PROBLEM_BYTES:
        raise AnswerError(f"an answer of more than {MAX_PROBLEM_BYTES} bytes")
    return Answer(response.status, {name.lower(): text for name, text in response.getheaders()}, content)


def _challenge(answer: Answer) -> bytes:
    """Return the node that a request for a token must name."""
    found = _CHALLENGE.fullmatch(answer.headers.get("www-authenticate", ""))
    if answer.status != 401 or found is None:
        if answer.status >= 300:
            raise problem_of(answer)
        raise AnswerError("the node does not say which one it is")
    return bytes.fromhex(found[1])
