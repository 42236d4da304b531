"""A class for each type of problem that a node refuses requests with (RFC 9457).

The code is the end of the problem's ``type``, such as ``not_found``; it is stable, titles and details are not.
"""

from __future__ import annotations

from typing import Final

from librum.errors import Problem


class BadRequest(Problem):
    """The request cannot be read."""


class Unauthorized(Problem):
    """The bearer token is missing or wrong."""


class NoRoute(Problem):
    """No such route."""


class MethodNotAllowed(Problem):
    """The route has no such method."""


class NotAcceptable(Problem):
    """No such representation."""


class BodyTimeout(Problem):
    """The body came too slowly."""


class IdempotencyKeyReused(Problem):
    """The Idempotency-Key stands for something else."""


class UploadOffset(Problem):
    """The part does not follow the upload."""


class UploadBusy(Problem):
    """Another part is being written."""


class AggregationState(Problem):
    """The aggregation's state does not allow it."""


class TooManyAggregations(Problem):
    """Too many aggregations, too many bytes of them, or too many runs."""


class PreconditionFailed(Problem):
    """The content is another one."""


class BodyTooLarge(Problem):
    """The body is too large."""


class UnsupportedMediaType(Problem):
    """The route does not read this Content-Type."""


class RangeNotSatisfiable(Problem):
    """The range lies outside the content."""


class Invalid(Problem):
    """A field is wrong."""


class BadQuery(Problem):
    """The query cannot be read or answered."""


class DigestMismatch(Problem):
    """The file has another digest than announced."""


class TooManyRequests(Problem):
    """More than is allowed was asked or moved."""


class Busy(Problem):
    """Too many transactions are under way."""


class TooManyTokens(Problem):
    """The member has too many tokens."""


class TooManyUploads(Problem):
    """Too many uploads are open."""


class TooManyWaits(Problem):
    """Too many streams and waits are open."""


class WrongChannel(Problem):
    """The request for a token was signed for another connection."""


class Internal(Problem):
    """The node went wrong."""


class NotReady(Problem):
    """The node is not ready."""


class NoIndex(Problem):
    """This node has no index."""  # noqa: D404  the title as the door has it


class IndexAway(Problem):
    """The index cannot be opened."""


class IndexBuilding(Problem):
    """The index is being built."""


class NotFinal(Problem):
    """Too many blocks are not final."""


class Clock(Problem):
    """Log time lags behind this node's clock."""


class Outside(Problem):
    """The node is not in the group that signs."""


class Stopped(Problem):
    """The node is stopping."""


class StoreAway(Problem):
    """The node's store does not answer."""


class NoReceipts(Problem):
    """Too few nodes hold the upload."""


class WaitTimeout(Problem):
    """What was waited for did not come in time."""


class StorageFull(Problem):
    """The node's disk is full."""


class Malformed(Problem):
    """Not a transaction."""


class WrongChain(Problem):
    """Made for another chain."""


class UnknownSender(Problem):
    """The sender is no member."""


class UnknownKey(Problem):
    """The key is not the sender's."""


class BadSignature(Problem):
    """The signature does not hold."""


class NotActive(Problem):
    """The sender is frozen, revoked, expired or suspended."""


class NotPermitted(Problem):
    """The sender may not do this."""


class Expired(Problem):
    """The transaction has expired."""


class ExpiryTooFar(Problem):
    """The expiry lies too far ahead."""


class Replayed(Problem):
    """Executed before."""


class UnknownContract(Problem):
    """No such contract."""


class UnknownMethod(Problem):
    """The contract has no such method."""


class BadArguments(Problem):
    """The method cannot read its arguments."""


class OutsideFootprint(Problem):
    """Touched a key it did not declare."""


class NotFound(Problem):
    """No such thing."""


class Pruned(Problem):
    """Not kept any more."""


class Exists(Problem):
    """It exists already."""


class Conflict(Problem):
    """The state does not allow it."""


class TooEarly(Problem):
    """Log time has not reached the deadline."""


class TooLarge(Problem):
    """Writes or events pass their limit."""


class InsufficientFunds(Problem):
    """The account has less than that."""


class InsufficientAllowance(Problem):
    """The spender was allowed less than that."""


class WrongOwner(Problem):
    """The token is another's than the call says."""


class ReceiverRefused(Problem):
    """The receiver does not take the token."""


class Paused(Problem):
    """The token or collection is paused."""


class OverLimit(Problem):
    """The delegate key's spending limit does not reach."""


class BadSpec(Problem):
    """The job spec is wrong."""


class TooMany(Problem):
    """Too many active jobs of the member, or open proposals of the organisation."""


class JobOver(Problem):
    """The job has ended."""


class StaleTerm(Problem):
    """Not the job's newest term."""


class RoundState(Problem):
    """The round's state does not allow it."""


class NotInCohort(Problem):
    """The round does not ask this peer."""


class Answered(Problem):
    """It was answered before."""


class BadReceipt(Problem):
    """The receipts do not hold or are too few."""


class TooLate(Problem):
    """The proposal's height or expiry has passed."""


class NotInGroup(Problem):
    """The node is not of the attesting group."""


class Barred(Problem):
    """The node was outvoted in this job."""


class BadReveal(Problem):
    """Not the value that was committed to."""


class Withheld(Problem):
    """The node withheld what the cohort was drawn by."""


class Refused(Problem):
    """The transaction was refused."""


PROBLEMS: Final[dict[str, type[Problem]]] = {
    "bad_request": BadRequest,
    "unauthorized": Unauthorized,
    "no_route": NoRoute,
    "method_not_allowed": MethodNotAllowed,
    "not_acceptable": NotAcceptable,
    "body_timeout": BodyTimeout,
    "idempotency_key_reused": IdempotencyKeyReused,
    "upload_offset": UploadOffset,
    "upload_busy": UploadBusy,
    "aggregation_state": AggregationState,
    "too_many_aggregations": TooManyAggregations,
    "precondition_failed": PreconditionFailed,
    "body_too_large": BodyTooLarge,
    "unsupported_media_type": UnsupportedMediaType,
    "range_not_satisfiable": RangeNotSatisfiable,
    "invalid": Invalid,
    "bad_query": BadQuery,
    "digest_mismatch": DigestMismatch,
    "too_many_requests": TooManyRequests,
    "busy": Busy,
    "too_many_tokens": TooManyTokens,
    "too_many_uploads": TooManyUploads,
    "too_many_waits": TooManyWaits,
    "wrong_channel": WrongChannel,
    "internal": Internal,
    "not_ready": NotReady,
    "no_index": NoIndex,
    "index_away": IndexAway,
    "index_building": IndexBuilding,
    "not_final": NotFinal,
    "clock": Clock,
    "outside": Outside,
    "stopped": Stopped,
    "store_away": StoreAway,
    "no_receipts": NoReceipts,
    "wait_timeout": WaitTimeout,
    "storage_full": StorageFull,
    "malformed": Malformed,
    "wrong_chain": WrongChain,
    "unknown_sender": UnknownSender,
    "unknown_key": UnknownKey,
    "bad_signature": BadSignature,
    "not_active": NotActive,
    "not_permitted": NotPermitted,
    "expired": Expired,
    "expiry_too_far": ExpiryTooFar,
    "replayed": Replayed,
    "unknown_contract": UnknownContract,
    "unknown_method": UnknownMethod,
    "bad_arguments": BadArguments,
    "outside_footprint": OutsideFootprint,
    "not_found": NotFound,
    "pruned": Pruned,
    "exists": Exists,
    "conflict": Conflict,
    "too_early": TooEarly,
    "too_large": TooLarge,
    "insufficient_funds": InsufficientFunds,
    "insufficient_allowance": InsufficientAllowance,
    "wrong_owner": WrongOwner,
    "receiver_refused": ReceiverRefused,
    "paused": Paused,
    "over_limit": OverLimit,
    "bad_spec": BadSpec,
    "too_many": TooMany,
    "job_over": JobOver,
    "stale_term": StaleTerm,
    "round_state": RoundState,
    "not_in_cohort": NotInCohort,
    "answered": Answered,
    "bad_receipt": BadReceipt,
    "too_late": TooLate,
    "not_in_group": NotInGroup,
    "barred": Barred,
    "bad_reveal": BadReveal,
    "withheld": Withheld,
    "refused": Refused,
}
"""The class of each code."""
