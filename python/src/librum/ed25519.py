"""Ed25519 signatures by the rules of ZIP-215, under which all nodes agree which ones hold.

ZIP-215 takes encodings of points that are not canonical, wants S below the group's order, and checks
``[8][S]B = [8]R + [8][k]A``. A strict library's yes is a yes by these rules; what it refuses is checked again by
the arithmetic here, which is slow and used for nothing secret.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, P - 2, P) % P
ROOT: Final = pow(2, (P - 1) // 4, P)  # of -1

Point: TypeAlias = tuple[int, int, int, int]  # extended coordinates x, y, z, t with x y = z t
ZERO: Final[Point] = (0, 1, 1, 0)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether signature (64 bytes) is that of the key (32 bytes) over message by ZIP-215."""
    if len(key) != 32 or len(signature) != 64:
        return False
    return _strict(key, message, signature) or cofactored(key, message, signature)


def _strict(key: bytes, message: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def cofactored(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return what ZIP-215 says, without the help of a library."""
    a, r = decompress(key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    rest = _add(_multiply(s, BASE), _negative(_add(r, _multiply(k, a))))
    x, y, z, _ = _multiply(8, rest)
    return x == 0 and y == z


def decompress(encoded: bytes) -> Point | None:
    """Return the point of an encoding, canonical or not, or nothing where it has none."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % P
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P  # RFC 8032, section 5.1.3
    if v * x * x % P == -u % P:
        x = x * ROOT % P
    if v * x * x % P != u:
        return None
    if x & 1 != sign:
        x = -x % P
    return x, y, 1, x * y % P


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * D * p[3] * q[3] % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _negative(p: Point) -> Point:
    return -p[0] % P, p[1], p[2], -p[3] % P


def _multiply(n: int, p: Point) -> Point:
    q = ZERO
    while n:
        if n & 1:
            q = _add(q, p)
        p = _add(p, p)
        n >>= 1
    return q


def _base() -> Point:
    point = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    assert point is not None
    return point


BASE: Final = _base()
