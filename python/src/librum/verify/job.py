"""Checks a job: every round is computed again from the updates and compared with what stands on the ledger."""

from __future__ import annotations

from typing import Protocol

from librum.encoding import digest
from librum.ledger import Group
from librum.spec import cohort_size
from librum.verify import cohort
from librum.verify.card import card
from librum.verify.model import initial, layout
from librum.verify.report import GONE, RECOMPUTED, WITHHELD, Finding, Report, attested, claim
from librum.verify.rows import ZERO, Attestation, Averaged, Commit, Job, Round, Rows, set_digest, weights_digest
from librum.verify.weights import Tensor, average, canonical, refusal


class Files(Protocol):
    """Where models, updates and cards may be."""

    def get(self, wanted: bytes) -> memoryview | None:
        """Return the content with that SHA-256, checked, or None where it is not there."""
        ...


class Walk:
    """One verification of a job under way."""

    def __init__(self, rows: Rows, chain: bytes, files: Files, report: Report) -> None:
        job = rows.job()
        if job is None:
            raise Finding("job", "file", "none of its transactions made the job")
        self.rows = rows
        self.chain = chain
        self.files = files
        self.report = report
        self.job: Job = job
        self.model = ZERO
        self.size = 0
        self.tensors: list[Tensor] = []
        self.best = (0, 0.0)  # round and value of early_stop's metric

    def run(self) -> None:
        """Check all, to the first :class:`Finding`."""
        self._known()
        self._initial()
        for number in range(1, self.job.finals + 1):
            self._round(number)
            self.report.rounds += 1
        self._end()

    def _known(self) -> None:
        """Give up on what this verifier does not compute, which is neither right nor wrong."""
        spec = self.job.spec
        if spec["strategy"] != {"name": "fedavg"}:
            raise Finding(
                "missing", "job", f"this verifier computes plain fedavg alone, the job's is {spec['strategy']}"
            )
        if "parameters" in spec:
            raise Finding("missing", "job", "this verifier does not compute jobs that keep tensors with their peers")

    def _initial(self) -> None:
        """Derive the model that the first round must begin with."""
        named = self.job.spec.get("initial_model", "")
        try:
            self.tensors = layout(self.job.spec)
            if named:
                header, placed = canonical(self.tensors)
                self.model, self.size = bytes.fromhex(named), len(header) + placed[-1].end
                self.report.say(0, claim("the job's creator"), f"initial model {named[:8]}, named by the spec")
                return
            found, self.size = initial(self.job.spec)
        except ValueError as error:
            raise Finding("spec", "job", str(error)) from error
        self.model = bytes.fromhex(found)
        self.report.say(0, RECOMPUTED, f"initial model {found[:8]} from the spec and its seed")

    def _note(self, number: int, metrics: dict[str, float]) -> None:
        """Count the claimed metrics of a final round; of equal values the first is the best."""
        stop = self.job.spec.get("early_stop")
        value = metrics.get(stop["metric"]) if stop else None
        if stop is None or value is None:
            return
        best = self.best[1]
        if self.best[0] == 0 or (value < best if stop["mode"] == "min" else value > best):
            self.best = (number, value)

    def _round(self, number: int) -> None:
        where, row = f"round {number}", self.rows.round(number)
        if row is None or row.state != "final":
            raise Finding("round", where, "the job counts it as final, its row does not")
        if (row.model, row.model_size) != (self.model, self.size):
            raise Finding("model", where, f"it began with {row.model.hex()}, the one before gave {self.model.hex()}")
        commit = self.rows.commit(number, row.commit_term)
        if commit is None or commit.attempt != row.attempt:
            raise Finding("commit", where, "it is final, but has no commit")
        submitted = self._submitted(number, row)
        self._attested(number, commit)
        computed = self._result(number, commit, submitted)
        self._lost(number, row, computed, 0)
        averaged = _without(submitted, {peer for peer, _ in commit.refused})
        self.report.say(number, claim("the peers"), f"numbers of examples, {sum(u.weight for u in averaged)} in all")
        if commit.metrics:
            told = " ".join(f"{name}:{value:g}" for name, value in sorted(commit.metrics.items()))
            self.report.say(number, claim(f"node {commit.node.hex()[:8]}"), f"metrics {told}")
        self.model, self.size = commit.model, commit.model_size
        self._note(number, commit.metrics)

    def _submitted(self, number: int, row: Round) -> list[Averaged]:
        """Return the updates of the round's closed set, peers ascending."""
        found = []
        asked = self.rows.cohort(number)
        self._drawn(number, row, asked)
        for peer in asked:
            update = self.rows.update(number, peer)
            if update is not None and update.attempt == row.attempt and update.state == "submitted":
                found.append(Averaged(peer, update.digest, update.num_examples))
        if set_digest(found) != row.set:
            raise Finding("set", f"round {number}", f"the updates have another set digest than {row.set.hex()}")
        return found

    def _drawn(self, number: int, row: Round, asked: list[bytes]) -> None:
        """Draw the cohort again, where the job asks but a fraction of its peers."""
        spec, where = self.job.spec, f"round {number}"
        if spec["fraction_train"] >= 1:
            return
        drawn, roster = self.rows.draw(number), self.rows.roster(number)
        if drawn is None or roster is None or not drawn.attempt == roster[0] == row.attempt:
            raise Finding("draw", where, "its cohort was to be drawn, but nothing says how")
        peers, group = roster[1], self.rows.group(number)
        if cohort.roster_digest(peers) != drawn.roster:
            raise Finding("draw", where, "the draw is over another roster")
        if [link.node for link in drawn.links] != [n.node for n in group.nodes]:
            raise Finding("draw", where, "others than the attesting group were to reveal")
        told = [link for link in drawn.links if link.revealed]
        for link in told:
            steps = link.index - link.start
            if link.chain == 0 or steps < 1 or not cohort.leads(link.value, link.known, steps):
                raise Finding("draw", where, f"node {link.node.hex()[:8]} revealed what it had not committed to")
        if len(told) < group.quorum:
            raise Finding("draw", where, f"{len(told)} of {len(drawn.links)} nodes revealed, no quorum")
        start = cohort.seed(self.rows.id, number, drawn.roster, [(link.node, link.value) for link in told])
        if cohort.draw(start, peers, cohort_size(spec, len(peers))) != asked:
            raise Finding("draw", where, "what was revealed draws other peers than those that were asked")
        self.report.say(
            number,
            RECOMPUTED,
            f"cohort of {len(asked)} of {len(peers)} peers, drawn by {len(told)} of {len(drawn.links)} nodes",
        )
        for link in drawn.links:
            if not link.revealed:
                said = f"node {link.node.hex()[:8]} withheld what the cohort was to be drawn by"
                self.report.say(number, RECOMPUTED, said)

    def _words(self, number: int, group: Group, commit: Commit) -> list[Attestation]:
        found = (self.rows.attestation(number, commit.term, n.node) for n in group.nodes)
        return [word for word in found if word is not None and word.attempt == commit.attempt]

    def _attested(self, number: int, commit: Commit) -> None:
        group = self.rows.group(number)
        said = (commit.set, commit.weights, commit.model)
        agreed = sum(
            not word.dissent and (word.set, word.weights, word.model) == said
            for word in self._words(number, group, commit)
        )
        if agreed < group.quorum:
            raise Finding(
                "attestation",
                f"round {number}",
                f"{agreed} of {len(group.nodes)} nodes agree, a quorum is {group.quorum}",
            )
        self.report.say(
            number,
            attested(agreed, len(group.nodes)),
            f"set {commit.set.hex()[:8]}, weights {commit.weights.hex()[:8]}, model {commit.model.hex()[:8]}",
        )

    def _result(self, number: int, commit: Commit, submitted: list[Averaged]) -> bytes:
        """Compute refusals, set, weights and average again, and return the model; zero where updates are gone."""
        where = f"round {number}"
        averaged = _without(submitted, {peer for peer, _ in commit.refused})
        if (set_digest(averaged), weights_digest(averaged), len(averaged)) != (
            commit.set,
            commit.weights,
            commit.count,
        ):
            raise Finding("set", where, "the updates that were not refused have another set or other weights")
        known = [[peer, reason] for peer, reason in commit.refused if reason != "unavailable"]
        unavailable = {peer for peer, reason in commit.refused if reason == "unavailable"}
        got = self._recompute(_without(submitted, unavailable))
        if got is None:
            self.report.attested += 1
            self.report.say(number, WITHHELD, f"average {commit.model.hex()[:8]}")
            return ZERO
        refused, model, size = got
        if refused != known:
            raise Finding("refusal", where, f"the bytes give {len(refused)} refusals, the commit says {len(known)}")
        if (model, size) != (commit.model, commit.model_size):
            raise Finding(
                "average", where, f"the updates give model {model.hex()}, the commit says {commit.model.hex()}"
            )
        self.report.say(number, RECOMPUTED, f"average of {len(averaged)} updates: model {commit.model.hex()[:8]}")
        return model

    def _recompute(self, updates: list[Averaged]) -> tuple[list[list[object]], bytes, int] | None:
        """Return refusals, and digest and size of the average; None where an update is not to be had."""
        contents = {}
        for u in updates:
            content = self.files.get(u.digest)
            if content is None:
                return None
            contents[u.peer] = content
        self.report.updates += len(updates)
        refused: list[list[object]] = []
        taken = []
        for u in updates:
            reason = refusal(contents[u.peer], self.tensors)
            if reason:
                refused.append([u.peer, reason])
            else:
                taken.append((contents[u.peer], u.weight))
        if len(taken) < self.job.spec["min_train_peers"]:
            return refused, ZERO, 0
        model, size = average(taken, self.tensors)
        self.report.averages += 1
        return refused, bytes.fromhex(model), size

    def _end(self) -> None:
        job = self.job
        if job.finals and (job.model, job.model_size) != (self.model, self.size):
            raise Finding("model", "job", f"its model is {job.model.hex()}, the last round gave {self.model.hex()}")
        if (job.best, job.best_value) != self.best:
            raise Finding("best", "job", f"the job names round {job.best}, the commits give round {self.best[0]}")
        self._unfinished()
        reason = f" ({job.reason})" if job.reason else ""
        self.report.say(
            0,
            RECOMPUTED,
            f"state {job.state}{reason} after {job.finals} of {job.spec['num_rounds']} rounds, "
            f"model {self.model.hex()[:8]}",
        )
        if job.state != "finished":
            return
        if not job.complete:
            raise Finding("job", "job", f"it is finished after {job.finals} of {job.spec['num_rounds']} rounds")
        self._stored("model", job.model, job.model_size)
        made = card(self.rows, self.chain)
        if (digest(made), len(made)) != (job.card, job.card_size):
            raise Finding("card", "job", f"the ledger gives card {digest(made).hex()}, the job names {job.card.hex()}")
        self.report.say(0, RECOMPUTED, f"model card {job.card.hex()[:8]}")
        self._stored("card", job.card, job.card_size)

    def _stored(self, what: str, wanted: bytes, size: int) -> None:
        content = self.files.get(wanted)
        if content is None:
            self.report.incomplete = True
            self.report.say(0, GONE, f"{what} {wanted.hex()[:8]} is not to be had")
        elif len(content) != size:
            raise Finding(what, "job", f"the file has {len(content)} bytes, the ledger says {size}")

    def _unfinished(self) -> None:
        """Explain a round that has results on the ledger but is not final."""
        number = self.job.round
        if number <= self.job.finals:
            return
        row = self.rows.round(number)
        if row is None:
            raise Finding("round", f"round {number}", "the job's row names it, but it has none")
        told = row.commit_term
        if row.committed == 0 and row.lost and row.lost[-1].attempt == row.attempt:
            told = row.lost[-1].term
        computed = self._standing(number, row, told) if told else ZERO
        self._lost(number, row, computed, told)

    def _standing(self, number: int, row: Round, term: int) -> bytes:
        """Compute the newest commit of a round's attempt again, and return what the updates give."""
        where, commit = f"round {number}", self.rows.commit(number, term)
        if commit is None or commit.attempt != row.attempt:
            raise Finding("commit", where, "its row says that it was committed, but it has no commit")
        submitted = self._submitted(number, row)
        group = self.rows.group(number)
        words = self._words(number, group, commit)
        self.report.say(
            number,
            attested(sum(not w.dissent for w in words), len(group.nodes)),
            f"{row.state}: model {commit.model.hex()[:8]} of node {commit.node.hex()[:8]}; "
            f"dissent {sorted(w.dissent for w in words if w.dissent)}, a quorum is {group.quorum}",
        )
        got = self._recompute(_without(submitted, {p for p, reason in commit.refused if reason == "unavailable"}))
        if got is None:
            self.report.incomplete = True
            self.report.say(number, GONE, f"{row.state} result {commit.model.hex()[:8]}")
            return ZERO
        if row.state == "void":
            if commit.input and row.model == self.model:
                raise Finding("input", where, "it is void because of its input, yet it began with the right model")
            if not commit.input and got[1] != ZERO:
                raise Finding("refusal", where, f"it is void, yet the updates give model {got[1].hex()}")
        self.report.say(
            number,
            RECOMPUTED,
            f"{row.state}: the updates give {got[1].hex()[:8]}, committed was {commit.model.hex()[:8]}",
        )
        return got[1]

    def _lost(self, number: int, row: Round, computed: bytes, told: int) -> None:
        """Tell of each term that a round has lost who committed what."""
        for lost in row.lost:
            commit = self.rows.commit(number, lost.term)
            if commit is None or commit.attempt != lost.attempt or commit.node != lost.node:
                raise Finding("commit", f"round {number}", f"it lost term {lost.term}, but has no such commit")
            group = self.rows.group(number)
            against = sum(bool(w.dissent) for w in self._words(number, group, commit))
            self.report.say(
                0,
                attested(against, len(group.nodes)),
                f"node {commit.node.hex()[:8]} lost term {commit.term} of round {number} ({lost.loss}): "
                f"committed {commit.model.hex()[:8]}",
            )
            if computed != ZERO and lost.attempt == row.attempt and lost.term != told:
                self.report.say(
                    number,
                    RECOMPUTED,
                    f"the updates give model {computed.hex()[:8]}, committed in term {commit.term} was "
                    f"{commit.model.hex()[:8]}",
                )


def _without(updates: list[Averaged], peers: set[bytes]) -> list[Averaged]:
    return [u for u in updates if u.peer not in peers]
