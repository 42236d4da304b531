"""``python -m librum.verify``: the verdict is the exit code, 0 right, 1 wrong, 2 wrong use, 3 could not tell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from librum.verify.evidence import verify_file
from librum.verify.report import Report

EXITS = {"right": 0, "wrong": 1, "incomplete": 3}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m librum.verify",
        description="Check a file of evidence about a job, independently of the nodes' code.",
        epilog="Example: python -m librum.verify job.evidence --genesis 3f0c…",
    )
    parser.add_argument("file", type=Path, help="that `librum job export --evidence FILE` wrote")
    parser.add_argument("--genesis", type=_digest, help="genesis digest from somebody trusted")
    parser.add_argument("--head", type=_digest, help="chain hash that was seen before")
    parser.add_argument("--min-height", type=int, default=0, help="height that must be reached")
    parser.add_argument("--json", action="store_true", help="print one object on the last line")
    given = parser.parse_args(arguments)
    try:
        report = verify_file(given.file, given.genesis, given.head, given.min_height)
    except OSError as error:
        print(f"read {given.file}: {error.strerror}", file=sys.stderr)
        return 3
    print(_json(report) if given.json else text(report, given.genesis is not None))
    return EXITS[report.verdict]


def _digest(text_: str) -> bytes:
    if len(text_) != 64 or text_ != text_.lower():
        raise argparse.ArgumentTypeError("want 64 lower-case hexadecimal digits")
    try:
        return bytes.fromhex(text_)
    except ValueError:
        raise argparse.ArgumentTypeError("want 64 lower-case hexadecimal digits") from None


def text(report: Report, anchored: bool) -> str:
    """Return the report for people."""
    lines = []
    if report.job:
        lines.append(f"evidence of job {report.job}")
        lines.append(f"genesis    {report.genesis}")
    if report.head:
        lines.append(f"chain hash {report.head} at height {report.height}")
    if report.nodes:
        lines.append(f"ledger: attested by {report.signers} of {report.nodes}: header {report.height}, and all before")
        lines.append("ledger: nothing was executed again; what each transaction wrote is the word of these nodes")
    if report.accepted:
        lines.append(f"ledger: {report.accepted} transactions are signed by keys that are not of the genesis")
    if not anchored:
        lines.append("no anchor was given (--genesis): that this is a chain of somebody's own making is not excluded")
    lines += [f"{f'round {line.round}' if line.round else 'job'}: {line.basis}: {line.what}" for line in report.lines]
    if report.first is not None:
        lines.append(f"{report.verdict}: {report.first}")
    else:
        lines.append(
            f"{report.verdict}: {report.rounds} rounds, {report.updates} updates, {report.averages} averages, "
            f"{report.signatures} signatures"
        )
    return "\n".join(lines)


def _json(report: Report) -> str:
    first = report.first
    return json.dumps({
        "ok": report.verdict == "right",
        "verdict": report.verdict,
        "checked": {
            "blocks": report.blocks, "transactions": report.transactions, "signatures": report.signatures,
            "rounds": report.rounds, "updates": report.updates, "averages": report.averages,
        },
        "first_error": None if first is None else {"kind": first.kind, "where": first.where, "message": first.message},
    })  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
