"""Fungible tokens. Amounts are whole numbers of the smallest unit; ids are hexadecimal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from librum import assets, wire
from librum.keys import Key
from librum.steps import reader
from librum.transaction import amount

NATIVE: Final = "00" * 32  # the id of the native token, in paths
CONTRACT: Final = "token"


def _call(method: str, token: str, **args: Any) -> assets.Call:
    named = {} if token == NATIVE else {"token": assets.asset(token)}
    return CONTRACT, method, named | args


def _create(key: str, name: str, symbol: str, decimals: int, supply: int, cap: int) -> assets.Call:
    args = {
        "key": key.encode(),
        "name": name,
        "symbol": symbol,
        "decimals": decimals,
        "supply": amount(supply),
        "cap": amount(cap),
    }
    return CONTRACT, "create", args


def _path(token: str, *more: str) -> str:
    return "/".join(["/v1/tokens", token, *more])


class Tokens(assets.Control):
    """Fungible tokens, read and moved."""

    CONTRACT = CONTRACT

    def list(self) -> Iterator[wire.Token]:
        """Go through the tokens in the order of their ids."""
        return self._client.walk("/v1/tokens", "tokens", wire.Token)

    def get(self, token: str) -> wire.Token:
        """Return a token."""
        return self._client.run(self._calls.get(_path(token), reader(wire.Token)))

    def balances(self, token: str) -> Iterator[wire.Balance]:
        """Go through the holders of a token that one may see, in the order of their ids."""
        return self._client.walk(_path(token, "balances"), "balances", wire.Balance)

    def balance(self, token: str, account: str) -> wire.Holding:
        """Return what an account has of a token, and which roles in it."""
        return self._client.run(self._calls.get(_path(token, "balances", account), reader(wire.Holding)))

    def allowance(self, token: str, owner: str, spender: str) -> wire.Allowance:
        """Return how much a spender may still move for an owner."""
        return self._client.run(self._calls.get(_path(token, "allowances", owner, spender), reader(wire.Allowance)))

    def create(
        self,
        key: Key,
        token_key: str,
        name: str,
        symbol: str,
        *,
        decimals: int = 0,
        supply: int = 0,
        cap: int = 0,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Create a token, whose id is ``assets.asset_id(creator, token_key)``: the same key makes no second one.

        Parameters
        ----------
        key
            Of the member, who gets the supply and all roles. It signs here and never leaves.
        token_key, name, symbol
            Up to 128, 64 and 16 bytes.
        decimals
            Digits of an amount behind the point, for people.
        supply, cap
            In the smallest unit; a cap of 0 bounds nothing.
        sender
            Id of the member; None: whose the node says that the key is.
        wait
            ``"executed"``: this node's word; ``"final"``: the quorum's.

        Raises
        ------
        librum.Problem
            The ledger refused the call; its code says why.
        """
        return self._do(key, _create(token_key, name, symbol, decimals, supply, cap), sender, wait)

    def transfer(
        self, key: Key, token: str, to: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Move units of one's own."""
        return self._do(key, _call("transfer", token, to=assets.account(to), amount=amount(units)), sender, wait)

    def transfer_from(
        self,
        key: Key,
        token: str,
        owner: str,
        to: str,
        units: int,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Move units of an owner, within one's allowance."""
        return self._do(
            key,
            _call(
                "transferFrom", token, **{"from": assets.account(owner)}, to=assets.account(to), amount=amount(units)
            ),
            sender,
            wait,
        )

    def approve(
        self, key: Key, token: str, spender: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Let a spender move so many units, whatever it was before."""
        return self._do(
            key, _call("approve", token, spender=assets.account(spender), amount=amount(units)), sender, wait
        )

    def increase_allowance(
        self, key: Key, token: str, spender: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Let a spender move so many units more."""
        return self._do(
            key, _call("increaseAllowance", token, spender=assets.account(spender), amount=amount(units)), sender, wait
        )

    def decrease_allowance(
        self, key: Key, token: str, spender: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Let a spender move so many units less."""
        return self._do(
            key, _call("decreaseAllowance", token, spender=assets.account(spender), amount=amount(units)), sender, wait
        )

    def mint(
        self, key: Key, token: str, to: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Make new units, as a minter, up to the cap."""
        return self._do(key, _call("mint", token, to=assets.account(to), amount=amount(units)), sender, wait)

    def burn(
        self, key: Key, token: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Destroy units of one's own, as a burner."""
        return self._do(key, _call("burn", token, amount=amount(units)), sender, wait)

    def burn_from(
        self, key: Key, token: str, owner: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Destroy units of an owner, as a burner within its allowance."""
        return self._do(
            key, _call("burnFrom", token, **{"from": assets.account(owner)}, amount=amount(units)), sender, wait
        )


class AsyncTokens(assets.AsyncControl):
    """Fungible tokens, as :class:`Tokens`."""

    CONTRACT = CONTRACT

    def list(self) -> AsyncIterator[wire.Token]:
        """Go through the tokens in the order of their ids."""
        return self._client.walk("/v1/tokens", "tokens", wire.Token)

    async def get(self, token: str) -> wire.Token:
        """Return a token."""
        return await self._client.run(self._calls.get(_path(token), reader(wire.Token)))

    def balances(self, token: str) -> AsyncIterator[wire.Balance]:
        """Go through the holders of a token that one may see, in the order of their ids."""
        return self._client.walk(_path(token, "balances"), "balances", wire.Balance)

    async def balance(self, token: str, account: str) -> wire.Holding:
        """Return what an account has of a token, and which roles in it."""
        return await self._client.run(self._calls.get(_path(token, "balances", account), reader(wire.Holding)))

    async def allowance(self, token: str, owner: str, spender: str) -> wire.Allowance:
        """Return how much a spender may still move for an owner."""
        return await self._client.run(
            self._calls.get(_path(token, "allowances", owner, spender), reader(wire.Allowance))
        )

    async def create(
        self,
        key: Key,
        token_key: str,
        name: str,
        symbol: str,
        *,
        decimals: int = 0,
        supply: int = 0,
        cap: int = 0,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Create a token, as :meth:`Tokens.create`."""
        return await self._do(key, _create(token_key, name, symbol, decimals, supply, cap), sender, wait)

    async def transfer(
        self, key: Key, token: str, to: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Move units of one's own, as :meth:`Tokens.transfer`."""
        return await self._do(key, _call("transfer", token, to=assets.account(to), amount=amount(units)), sender, wait)

    async def transfer_from(
        self,
        key: Key,
        token: str,
        owner: str,
        to: str,
        units: int,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Move units of an owner, within one's allowance, as :meth:`Tokens.transfer_from`."""
        return await self._do(
            key,
            _call(
                "transferFrom", token, **{"from": assets.account(owner)}, to=assets.account(to), amount=amount(units)
            ),
            sender,
            wait,
        )

    async def approve(
        self, key: Key, token: str, spender: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Let a spender move so many units, whatever it was before, as :meth:`Tokens.approve`."""
        return await self._do(
            key, _call("approve", token, spender=assets.account(spender), amount=amount(units)), sender, wait
        )

    async def increase_allowance(
        self, key: Key, token: str, spender: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Let a spender move so many units more, as :meth:`Tokens.increase_allowance`."""
        return await self._do(
            key, _call("increaseAllowance", token, spender=assets.account(spender), amount=amount(units)), sender, wait
        )

    async def decrease_allowance(
        self, key: Key, token: str, spender: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Let a spender move so many units less, as :meth:`Tokens.decrease_allowance`."""
        return await self._do(
            key, _call("decreaseAllowance", token, spender=assets.account(spender), amount=amount(units)), sender, wait
        )

    async def mint(
        self, key: Key, token: str, to: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Make new units, as a minter, up to the cap, as :meth:`Tokens.mint`."""
        return await self._do(key, _call("mint", token, to=assets.account(to), amount=amount(units)), sender, wait)

    async def burn(
        self, key: Key, token: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Destroy units of one's own, as a burner, as :meth:`Tokens.burn`."""
        return await self._do(key, _call("burn", token, amount=amount(units)), sender, wait)

    async def burn_from(
        self, key: Key, token: str, owner: str, units: int, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Destroy units of an owner, as a burner within its allowance, as :meth:`Tokens.burn_from`."""
        return await self._do(
            key, _call("burnFrom", token, **{"from": assets.account(owner)}, amount=amount(units)), sender, wait
        )
