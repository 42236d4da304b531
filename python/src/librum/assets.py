"""What tokens and unique tokens share: ids, roles, the pause, and calls signed here.

>>> asset_id("00" * 16, "mill-2026")[:8]
'06b844be'
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

NOBODY: Final = "00" * 16  # the zero account: on the other side of mint and burn, and approved where nobody is
ROLES: Final = ("admin", "burner", "minter", "pauser")

Call = tuple[str, str, Mapping[str, Any]]  # contract, method, arguments


def account(text: str) -> bytes:
    """Return an account's id as contracts take it, from its 32 hexadecimal digits."""
    return _bytes("account", text, 16)


def asset(text: str) -> bytes:
    """Return a token's or collection's id as contracts take it, from its 64 hexadecimal digits."""
    return _bytes("asset", text, 32)


def asset_id(creator: str, key: str) -> str:
    """Return the id of the asset that an account creates with a key: SHA-256 of both."""
    return hashlib.sha256(account(creator) + key.encode()).hexdigest()


def role(contract: str, method: str, of: str, name: str, holder: str | None) -> Call:
    """Build a call that gives a role or takes it; None gives up one's own."""
    if name not in ROLES:
        raise ValueError(f"role {name!r}: want one of {', '.join(ROLES)}")
    args: dict[str, Any] = {"asset": asset(of), "role": name}
    return contract, method, args if holder is None else args | {"account": account(holder)}


def pause(contract: str, of: str, paused: bool) -> Call:
    """Build a call that pauses an asset or goes on with it."""
    return contract, "pause" if paused else "unpause", {"asset": asset(of)}


def _bytes(what: str, text: str, size: int) -> bytes:
    if len(text) != 2 * size or text != text.lower():
        raise ValueError(f"{what} {text!r}: want {2 * size} lower-case hexadecimal digits")
    return bytes.fromhex(text)
