"""What tokens and unique tokens share: ids, roles, the pause, and calls signed here.

>>> asset_id("00" * 16, "mill-2026")[:8]
'06b844be'
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from librum import wire
from librum.keys import Key

if TYPE_CHECKING:
    from librum.aio import AsyncClient
    from librum.client import Client

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


def _bytes(what: str, text: str, size: int) -> bytes:
    if len(text) != 2 * size or text != text.lower():
        raise ValueError(f"{what} {text!r}: want {2 * size} lower-case hexadecimal digits")
    return bytes.fromhex(text)


def _role(contract: str, method: str, of: str, role: str, holder: bytes | None = None) -> Call:
    if role not in ROLES:
        raise ValueError(f"role {role!r}: want one of {', '.join(ROLES)}")
    args: dict[str, Any] = {"asset": asset(of), "role": role}
    return contract, method, args if holder is None else args | {"account": holder}


class Control:
    """Roles in assets of a contract, and their pause."""

    CONTRACT: ClassVar[str]

    def __init__(self, client: Client) -> None:
        self._client = client
        self._calls = client._calls

    def _do(self, key: Key, call: Call, sender: str | None, wait: str) -> wire.Transaction:
        return self._client.run(self._calls.call(key, *call, sender, None, wait))

    def grant(
        self, key: Key, of: str, role: str, holder: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Give a role of admin, burner, minter, pauser in an asset, as an admin."""
        return self._do(key, _role(self.CONTRACT, "grantRole", of, role, account(holder)), sender, wait)

    def revoke(
        self, key: Key, of: str, role: str, holder: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Take a role away, as an admin."""
        return self._do(key, _role(self.CONTRACT, "revokeRole", of, role, account(holder)), sender, wait)

    def renounce(
        self, key: Key, of: str, role: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Give up a role of one's own."""
        return self._do(key, _role(self.CONTRACT, "renounceRole", of, role), sender, wait)

    def pause(self, key: Key, of: str, *, sender: str | None = None, wait: str = "executed") -> wire.Transaction:
        """Let nothing of an asset be moved, minted or burnt, as a pauser."""
        return self._do(key, (self.CONTRACT, "pause", {"asset": asset(of)}), sender, wait)

    def unpause(self, key: Key, of: str, *, sender: str | None = None, wait: str = "executed") -> wire.Transaction:
        """Go on after a pause."""
        return self._do(key, (self.CONTRACT, "unpause", {"asset": asset(of)}), sender, wait)


class AsyncControl:
    """Roles in assets of a contract, and their pause, as :class:`Control`."""

    CONTRACT: ClassVar[str]

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._calls = client._calls

    async def _do(self, key: Key, call: Call, sender: str | None, wait: str) -> wire.Transaction:
        return await self._client.run(self._calls.call(key, *call, sender, None, wait))

    async def grant(
        self, key: Key, of: str, role: str, holder: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Give a role of admin, burner, minter, pauser in an asset, as an admin."""
        return await self._do(key, _role(self.CONTRACT, "grantRole", of, role, account(holder)), sender, wait)

    async def revoke(
        self, key: Key, of: str, role: str, holder: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Take a role away, as an admin."""
        return await self._do(key, _role(self.CONTRACT, "revokeRole", of, role, account(holder)), sender, wait)

    async def renounce(
        self, key: Key, of: str, role: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Give up a role of one's own."""
        return await self._do(key, _role(self.CONTRACT, "renounceRole", of, role), sender, wait)

    async def pause(self, key: Key, of: str, *, sender: str | None = None, wait: str = "executed") -> wire.Transaction:
        """Let nothing of an asset be moved, minted or burnt, as a pauser."""
        return await self._do(key, (self.CONTRACT, "pause", {"asset": asset(of)}), sender, wait)

    async def unpause(
        self, key: Key, of: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Go on after a pause."""
        return await self._do(key, (self.CONTRACT, "unpause", {"asset": asset(of)}), sender, wait)
