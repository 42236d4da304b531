"""Golden files of the Go side, which both languages hold together."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LEDGER = REPOSITORY / "chain" / "ledger" / "testdata"
IDENTITY = REPOSITORY / "chain" / "identity" / "testdata"


def read_hex(path: Path) -> bytes:
    """Return the bytes of a golden file: hexadecimal lines, comments left out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    digits = [line for line in lines if line and not line.startswith(("#", "sha256"))]
    return bytes.fromhex("".join(digits))
