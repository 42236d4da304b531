package api

import "net/http"

// ProblemKind documents one kind of problem; its type is
// [v1.ProblemBase] + Code.
type ProblemKind struct {
	Code   string
	Status int
	Title  string
	Doc    string // when it comes and what to do

	framework bool // what the framework refuses with that status
}

// Problems lists every kind of problem that the interface answers with. The
// codes of refused transactions, which stand on the ledger too, come last.
func Problems() []ProblemKind {
	return append(doorProblems(), ledgerProblems()...)
}

func doorProblems() []ProblemKind {
	return []ProblemKind{
		{Code: "bad_request", Status: http.StatusBadRequest, framework: true, Title: "The request cannot be read", Doc: "The body is missing, cut off or not what its Content-Type says. Correct it; sending it again does not help."},
		{Code: "unauthorized", Status: http.StatusUnauthorized, Title: "The bearer token is missing or wrong", Doc: "Send `Authorization: Bearer TOKEN`. `librum dev` prints where its token is; `librum identity token create` makes one. The detail says why this one does not count."},
		{Code: "no_route", Status: http.StatusNotFound, Title: "No such route", Doc: "/openapi.json lists all routes."},
		{Code: "method_not_allowed", Status: http.StatusMethodNotAllowed, Title: "The route has no such method", Doc: "The header Allow lists those it has."},
		{Code: "not_acceptable", Status: http.StatusNotAcceptable, framework: true, Title: "No such representation", Doc: "The header Accept asks for a format that there is none of."},
		{Code: "body_timeout", Status: http.StatusRequestTimeout, framework: true, Title: "The body came too slowly", Doc: "Send it again, in smaller parts where the route allows it."},
		{Code: "idempotency_key_reused", Status: http.StatusConflict, Title: "The Idempotency-Key stands for something else", Doc: "The key was used with another body. Use a new key for a new thing."},
		{Code: "upload_offset", Status: http.StatusConflict, Title: "The part does not follow the upload", Doc: "`offset` and the header Upload-Offset say where to go on."},
		{Code: "upload_busy", Status: http.StatusConflict, Title: "Another part is being written", Doc: "Wait for it, ask for the offset and go on from there."},
		{Code: "aggregation_state", Status: http.StatusConflict, Title: "The aggregation's state does not allow it", Doc: "The detail says what is missing, or what it is doing."},
		{Code: "too_many_aggregations", Status: http.StatusTooManyRequests, Title: "Too many aggregations, too many bytes of them, or too many runs", Doc: "Delete some, wait until some have ended, or for Retry-After seconds."},
		{Code: "precondition_failed", Status: http.StatusPreconditionFailed, Title: "The content is another one", Doc: "If-Match or If-Unmodified-Since does not hold."},
		{Code: "body_too_large", Status: http.StatusRequestEntityTooLarge, framework: true, Title: "The body is too large", Doc: "The detail says what is allowed. Split a batch."},
		{Code: "unsupported_media_type", Status: http.StatusUnsupportedMediaType, framework: true, Title: "The route does not read this Content-Type", Doc: "The detail lists those it reads."},
		{Code: "range_not_satisfiable", Status: http.StatusRequestedRangeNotSatisfiable, Title: "The range lies outside the content", Doc: "The header Content-Range says how long it is."},
		{Code: "invalid", Status: http.StatusUnprocessableEntity, framework: true, Title: "A field is wrong", Doc: "`errors` lists every field with what is allowed there."},
		{Code: "bad_query", Status: http.StatusUnprocessableEntity, Title: "The query cannot be read or answered", Doc: "The detail says at which character, and what was expected; `librum search --help` shows the language."},
		{Code: "digest_mismatch", Status: http.StatusUnprocessableEntity, Title: "The file has another digest than announced", Doc: "The upload was dropped; begin again."},
		{Code: "too_many_requests", Status: http.StatusTooManyRequests, Title: "More than is allowed was asked or moved", Doc: "Each member, and each address without a token, has a rate. Come again after Retry-After seconds."},
		{Code: "busy", Status: http.StatusTooManyRequests, Title: "Too many transactions are under way", Doc: "Back off for Retry-After seconds and send again."},
		{Code: "too_many_tokens", Status: http.StatusConflict, Title: "The member has too many tokens", Doc: "Revoke one, or wait until one has expired."},
		{Code: "too_many_uploads", Status: http.StatusTooManyRequests, Title: "Too many uploads are open", Doc: "Finish some, or wait until they lapse."},
		{Code: "too_many_waits", Status: http.StatusTooManyRequests, Title: "Too many streams and waits are open", Doc: "Close some and try again after Retry-After seconds."},
		{Code: "wrong_channel", Status: http.StatusForbidden, Title: "The request for a token was signed for another connection", Doc: "Its `channel` is the TLS session's (RFC 9266, tls-exporter), zero on plain HTTP. A proxy that ends TLS before the node, or reads it, hinders that: pass TLS through."},
		{Code: "internal", Status: http.StatusInternalServerError, framework: true, Title: "The node went wrong", Doc: "The node's log says more. A safe request may be tried again."},
		{Code: "not_ready", Status: http.StatusServiceUnavailable, Title: "The node is not ready", Doc: "It has stopped, diverged from the quorum, its blocks do not become final, or its store or the log does not answer."},
		{Code: "no_index", Status: http.StatusNotImplemented, Title: "This node has no index", Doc: "Its configuration says `search: {driver: none}`, or its door is not the first of its process. Ask another node."},
		{Code: "index_away", Status: http.StatusServiceUnavailable, Title: "The index cannot be opened", Doc: "The node goes on without it, tries again by itself and builds it where it must. Try again after Retry-After seconds, or at another node; tell its operator."},
		{Code: "index_building", Status: http.StatusServiceUnavailable, Title: "The index is being built", Doc: "Try again after Retry-After seconds. Until then nothing that it holds is whole."},
		{Code: "not_final", Status: http.StatusServiceUnavailable, Title: "Too many blocks are not final", Doc: "The group has no quorum; nothing is let in until it has. Try again after Retry-After seconds."},
		{Code: "clock", Status: http.StatusServiceUnavailable, Title: "Log time lags behind this node's clock", Doc: "The other nodes do not answer. Try again after Retry-After seconds."},
		{Code: "outside", Status: http.StatusServiceUnavailable, Title: "The node is not in the group that signs", Doc: "It follows the ledger and takes no transactions. Send the same bytes to another node."},
		{Code: "stopped", Status: http.StatusServiceUnavailable, Title: "The node is stopping", Doc: "Try again after Retry-After seconds, or at another node."},
		{Code: "store_away", Status: http.StatusServiceUnavailable, Title: "The node's store does not answer", Doc: "The node waits for it and goes on by itself; nothing is lost. Try again after Retry-After seconds, or at another node."},
		{Code: "no_receipts", Status: http.StatusServiceUnavailable, Title: "Too few nodes hold the upload", Doc: "It is complete here. Ask for the upload again after Retry-After seconds."},
		{Code: "wait_timeout", Status: http.StatusGatewayTimeout, Title: "What was waited for did not come in time", Doc: "A transaction may still be executed: ask for it by its id, or send the same bytes again."},
		{Code: "storage_full", Status: http.StatusInsufficientStorage, Title: "The node's disk is full", Doc: "Tell its operator."},
	}
}

// ledgerProblems are the codes of refused transactions: those of
// chain/contract, of the built-in contracts and of fl/contract.
func ledgerProblems() []ProblemKind {
	const (
		bad       = http.StatusBadRequest
		forbidden = http.StatusForbidden
		missing   = http.StatusNotFound
		conflict  = http.StatusConflict
		wrong     = http.StatusUnprocessableEntity
	)
	return []ProblemKind{
		{Code: "malformed", Status: bad, Title: "Not a transaction", Doc: "The detail names the field or byte. Only deterministic CBOR in COSE_Sign1 is read."},
		{Code: "wrong_chain", Status: wrong, Title: "Made for another chain", Doc: "Take chain and shard from /v1/status."},
		{Code: "unknown_sender", Status: forbidden, Title: "The sender is no member", Doc: "Members are approved by an officer of their organisation."},
		{Code: "unknown_key", Status: forbidden, Title: "The key is not the sender's", Doc: "It was never enrolled, or is no longer valid at this log time."},
		{Code: "bad_signature", Status: forbidden, Title: "The signature does not hold", Doc: "Sign the COSE Sig_structure with external_aad \"transaction\"."},
		{Code: "not_active", Status: forbidden, Title: "The sender is frozen, revoked, expired or suspended", Doc: "Ask an officer of the organisation; the detail says what it is."},
		{Code: "not_permitted", Status: forbidden, Title: "The sender may not do this", Doc: "The detail names the role or method that is missing."},
		{Code: "expired", Status: wrong, Title: "The transaction has expired", Doc: "Sign it again with a later expiry; log time is in /v1/status."},
		{Code: "expiry_too_far", Status: wrong, Title: "The expiry lies too far ahead", Doc: "At most max_ttl, 10 minutes by default, from log time."},
		{Code: "replayed", Status: conflict, Title: "Executed before", Doc: "Ask for the first outcome by the transaction's id."},
		{Code: "unknown_contract", Status: wrong, Title: "No such contract", Doc: "The detail names it."},
		{Code: "unknown_method", Status: wrong, Title: "The contract has no such method", Doc: "The detail names it."},
		{Code: "bad_arguments", Status: wrong, Title: "The method cannot read its arguments", Doc: "The detail names the argument and what is allowed."},
		{Code: "outside_footprint", Status: wrong, Title: "Touched a key it did not declare", Doc: "A mistake in the contract; nothing took effect."},
		{Code: "not_found", Status: missing, framework: true, Title: "No such thing", Doc: "What is named does not exist at this node, or not yet."},
		{Code: "pruned", Status: http.StatusGone, Title: "Not kept any more", Doc: "The detail names the lowest height that this node keeps. Ask a node that keeps more."},
		{Code: "exists", Status: conflict, Title: "It exists already", Doc: "Ask for it instead of making it."},
		{Code: "conflict", Status: conflict, framework: true, Title: "The state does not allow it", Doc: "Read the state again and decide anew."},
		{Code: "too_early", Status: conflict, Title: "Log time has not reached the deadline", Doc: "Sign it again with a new nonce when it has."},
		{Code: "too_large", Status: wrong, Title: "Writes or events pass their limit", Doc: "Do less in one transaction."},
		{Code: "insufficient_funds", Status: wrong, Title: "The account has less than that", Doc: "The detail names the balance."},
		{Code: "insufficient_allowance", Status: wrong, Title: "The spender was allowed less than that", Doc: "The detail names what is left. The owner approves more."},
		{Code: "wrong_owner", Status: conflict, Title: "The token is another's than the call says", Doc: "Ask for the token: its owner has changed."},
		{Code: "receiver_refused", Status: conflict, Title: "The receiver does not take the token", Doc: "Its handler says why in the detail."},
		{Code: "paused", Status: conflict, Title: "The token or collection is paused", Doc: "Who holds its role pauser lets it move again."},
		{Code: "over_limit", Status: forbidden, Title: "The delegate key's spending limit does not reach", Doc: "The detail names what was spent. The member adds the key again with a fresh limit, or signs with its own key."},
		{Code: "bad_spec", Status: wrong, Title: "The job spec is wrong", Doc: "`errors` lists every field with what is allowed there."},
		{Code: "too_many", Status: conflict, Title: "Too many active jobs of the member, or open proposals of the organisation", Doc: "Wait until one has ended, or end one."},
		{Code: "job_over", Status: conflict, Title: "The job has ended", Doc: "Its state says how."},
		{Code: "stale_term", Status: conflict, Title: "Not the job's newest term", Doc: "Another node coordinates the job."},
		{Code: "round_state", Status: conflict, Title: "The round's state does not allow it", Doc: "Read the round again."},
		{Code: "not_in_cohort", Status: forbidden, Title: "The round does not ask this peer", Doc: "Wait for a task."},
		{Code: "answered", Status: conflict, Title: "It was answered before", Doc: "Peers and nodes answer once a round."},
		{Code: "bad_receipt", Status: wrong, Title: "The receipts do not hold or are too few", Doc: "Finish the upload and use the receipts of its answer."},
		{Code: "too_late", Status: conflict, Title: "The proposal's height or expiry has passed", Doc: "Propose it again for a later block."},
		{Code: "not_in_group", Status: forbidden, Title: "The node is not of the attesting group", Doc: "The group was frozen when the round opened."},
		{Code: "barred", Status: forbidden, Title: "The node was outvoted in this job", Doc: "It takes no further term of it; another node coordinates."},
		{Code: "bad_reveal", Status: wrong, Title: "Not the value that was committed to", Doc: "A node reveals the value of its hash chain at the index that the round was given."},
		{Code: "withheld", Status: forbidden, Title: "The node withheld what the cohort was drawn by", Doc: "It does not attest this round; the next one it may."},
		{Code: "refused", Status: wrong, Title: "The transaction was refused", Doc: "For a reason that this table does not know yet; the detail names it."},
	}
}

// kindOf returns the kind with that code; codes of later contracts are told as
// "refused".
func kindOf(code string) ProblemKind {
	for _, kind := range Problems() {
		if kind.Code == code {
			return kind
		}
	}
	if code == "refused" {
		return ProblemKind{Code: code, Status: http.StatusUnprocessableEntity}
	}
	return kindOf("refused")
}
