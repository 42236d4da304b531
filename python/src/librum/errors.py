"""What goes wrong, as exceptions; those of a node's refusals are in :mod:`librum.problems`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

PROBLEM_BASE: Final = "https://librum.dev/problems/"
TEMPORARY: Final = frozenset({429, 502, 503, 504})


class LibrumError(Exception):
    """The base of all exceptions of this package."""


class UnreachableError(LibrumError):
    """The node did not answer, or not in time."""


class AnswerError(LibrumError):
    """The node's answer is not what the interface promises."""


class DigestError(LibrumError):
    """Content is not what its digest says; it was thrown away."""


class MalformedError(LibrumError):
    """Bytes are not the deterministic encoding of what they should be."""


class ProofError(LibrumError):
    """A proof proves nothing."""


class KeyFileError(LibrumError):
    """A file holds no key that this package can use."""


class PolicyError(LibrumError):
    """A policy breaks the rules for policies; every problem is named."""


class EgressError(LibrumError):
    """The log of what leaves can't be written or holds what no peer wrote; nothing leaves."""


class UpdateError(LibrumError):
    """What a training function returned can't be the update of its round; the message names the tensor."""


class NoDataError(LibrumError):
    """For a training function to raise: it has no data that fits the round, which is declined as ``data``."""


class JobEndedError(LibrumError):
    """A job that was waited for failed or was cancelled.

    Attributes
    ----------
    state, reason
        How it ended.
    """

    def __init__(self, job: str, state: str, reason: str) -> None:
        super().__init__(f"job {job[:8]} is {state}{f': {reason}' if reason else ''}")
        self.state = state
        self.reason = reason


class Problem(LibrumError):  # noqa: N818  RFC 9457 calls it so
    """What a node refused a request with.

    Attributes
    ----------
    code
        The stable end of the problem's type; ``""`` where the answer was no problem of a node, such as a proxy's.
    status
        HTTP status.
    title, detail
        For people.
    errors
        Field and message for each field that is wrong.
    offset
        Where an upload goes on, bytes.
    retry_after
        Seconds after which to try again, 0 where the node does not say.
    """

    def __init__(
        self,
        *,
        code: str,
        status: int,
        title: str,
        detail: str = "",
        errors: Sequence[tuple[str, str]] = (),
        offset: int | None = None,
        retry_after: float = 0.0,
    ) -> None:
        fields = "; ".join(f"{field}: {message}" for field, message in errors)
        text = ": ".join(part for part in (title, detail, fields) if part)
        # A server's words reach a terminal and must not steer it.
        super().__init__("".join(c if c.isprintable() else "\ufffd" for c in f"{text} ({code or status})"))
        self.code = code
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.offset = offset
        self.retry_after = retry_after

    @property
    def temporary(self) -> bool:
        """Whether the node may answer otherwise in a while."""
        return self.status in TEMPORARY
