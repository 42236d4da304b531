"""Merkle trees of RFC 6962, section 2.1."""

from __future__ import annotations

from collections.abc import Sequence

from librum.encoding import digest


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the leaves, 32 bytes."""
    level = [_leaf(leaf) for leaf in leaves]
    if not level:
        return digest(b"")
    # Pairing from the left, the odd one going up alone, gives the tree that the recursive definition gives.
    while len(level) > 1:
        paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], want: bytes) -> bool:
    """Return whether leaf stands at index under the root of a tree of that size (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, reached = index, size - 1, _leaf(leaf)
    for sibling in path:
        if last == 0 or len(sibling) != 32:
            return False
        if at & 1 or at == last:
            reached = _node(sibling, reached)
            while at & 1 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            reached = _node(reached, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and reached == want


def _leaf(data: bytes) -> bytes:
    return digest(b"\x00" + data)


def _node(left: bytes, right: bytes) -> bytes:
    return digest(b"\x01" + left + right)
