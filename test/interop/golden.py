"""Golden files that Go and Python hold together.

``python test/interop/golden.py`` writes the file of the transactions that pycose signs; the tests of both
languages only read it.
"""

from __future__ import annotations

from pathlib import Path

from transaction import Transaction, amount

LEDGER = Path(__file__).parents[2] / "chain" / "ledger" / "testdata"
SIGNED = LEDGER / "pycose.txt"
SEED = bytes([0x51]) * 32


def transactions() -> dict[str, Transaction]:
    """Return the transactions by name; their payloads need heads of 2, 3 and 5 bytes."""

    def make(name: str, args: dict[str, object]) -> Transaction:
        return Transaction(
            chain=bytes(range(32)),
            sender=bytes([0xAB]) * 16,
            contract="token",
            method=name,
            args=args,
            nonce=bytes(range(16, 32)),
            expiry=1767225660000,
            shard=7,
        )

    return {
        "transfer": make("transfer", {"to": bytes([0xCD]) * 16, "amount": amount(10**24)}),
        "nothing": make("nothing", {"amount": amount(0)}),
        "mixed": make("mixed", {"z": True, "aa": -1, "b": 1.5, "list": [24, 256, 65536, 1 << 32], "text": "größer"}),
        "long": make("long", {"data": bytes(300)}),
    }


def read_hex(path: Path) -> bytes:
    """Return the bytes of one of Go's golden files: its lines of hexadecimal digits."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


def main() -> None:
    """Write the golden file of what pycose signs."""
    lines = ["# Transactions signed by pycose, made by test/interop/golden.py: name | seed | signed transaction"]
    lines += [f"{name} | {SEED.hex()} | {tx.sign(SEED).hex()}" for name, tx in transactions().items()]
    SIGNED.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
