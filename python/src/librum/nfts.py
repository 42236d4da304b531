"""Unique tokens: a digest on the ledger, the object wherever it is. Ids of collections are hexadecimal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from librum import assets, wire
from librum.keys import Key
from librum.steps import reader
from librum.transaction import amount

CONTRACT: Final = "nft"


def _create(key: str, name: str, symbol: str) -> assets.Call:
    return CONTRACT, "create", {"key": key.encode(), "name": name, "symbol": symbol}


def _call(method: str, collection: str, **args: Any) -> assets.Call:
    return CONTRACT, method, {"collection": assets.asset(collection), **args}


def _path(collection: str, *more: object) -> str:
    return "/".join(["/v1/nfts", collection, *(str(part) for part in more)])


class NFTs(assets.Control):
    """Unique tokens, read and moved."""

    CONTRACT = CONTRACT

    def list(self) -> Iterator[wire.Collection]:
        """Go through the collections in the order of their ids."""
        return self._client.walk("/v1/nfts", "collections", wire.Collection)

    def get(self, collection: str) -> wire.Collection:
        """Return a collection."""
        return self._client.run(self._calls.get(_path(collection), reader(wire.Collection)))

    def tokens(self, collection: str, *, owner: str | None = None) -> Iterator[wire.NFT]:
        """Go through the tokens of a collection, or those of an owner in it."""
        return self._client.walk(_path(collection, "tokens"), "nfts", wire.NFT, owner=owner)

    def token(self, collection: str, token_id: int) -> wire.NFT:
        """Return a token."""
        return self._client.run(self._calls.get(_path(collection, "tokens", token_id), reader(wire.NFT)))

    def balance(self, collection: str, account: str) -> wire.NFTHolding:
        """Return how many tokens an account has, and which roles."""
        return self._client.run(self._calls.get(_path(collection, "balances", account), reader(wire.NFTHolding)))

    def operator(self, collection: str, owner: str, operator: str) -> wire.Operator:
        """Return whether an operator may move all tokens of an owner."""
        return self._client.run(self._calls.get(_path(collection, "operators", owner, operator), reader(wire.Operator)))

    def create(
        self,
        key: Key,
        collection_key: str,
        name: str,
        symbol: str,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Create a collection, whose id is ``assets.asset_id(creator, collection_key)``.

        Parameters
        ----------
        key
            Of the member, who gets all roles. It signs here and never leaves.
        collection_key, name, symbol
            Up to 128, 64 and 16 bytes.
        sender
            Id of the member; None: whose the node says that the key is.
        wait
            ``"executed"``: this node's word; ``"final"``: the quorum's.

        Raises
        ------
        librum.Problem
            The ledger refused the call; its code says why.
        """
        return self._do(key, _create(collection_key, name, symbol), sender, wait)

    def mint(
        self,
        key: Key,
        collection: str,
        to: str,
        token_id: int,
        digest: str,
        media_type: str,
        uri: str = "",
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Make a token for an object, by the SHA-256 of its bytes, as a minter."""
        return self._do(
            key,
            _call(
                "mint",
                collection,
                to=assets.account(to),
                token_id=amount(token_id),
                digest=assets.asset(digest),
                media_type=media_type,
                uri=uri,
            ),
            sender,
            wait,
        )

    def transfer(
        self,
        key: Key,
        collection: str,
        token_id: int,
        owner: str,
        to: str,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Move a token, as its owner, who is approved, or an operator."""
        return self._do(
            key,
            _call(
                "transferFrom",
                collection,
                **{"from": assets.account(owner)},
                to=assets.account(to),
                token_id=amount(token_id),
            ),
            sender,
            wait,
        )

    def burn(
        self, key: Key, collection: str, token_id: int, owner: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Destroy a token, as who may move it."""
        return self._do(
            key, _call("burn", collection, **{"from": assets.account(owner)}, token_id=amount(token_id)), sender, wait
        )

    def approve(
        self,
        key: Key,
        collection: str,
        token_id: int,
        owner: str,
        approved: str = assets.NOBODY,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Let another one move a token; nobody unless given."""
        return self._do(
            key,
            _call(
                "approve",
                collection,
                owner=assets.account(owner),
                approved=assets.account(approved),
                token_id=amount(token_id),
            ),
            sender,
            wait,
        )

    def set_operator(
        self,
        key: Key,
        collection: str,
        operator: str,
        approved: bool,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Let an operator move all tokens of one's own, or no longer."""
        return self._do(
            key,
            _call("setApprovalForAll", collection, operator=assets.account(operator), approved=approved),
            sender,
            wait,
        )


class AsyncNFTs(assets.AsyncControl):
    """Unique tokens, as :class:`NFTs`."""

    CONTRACT = CONTRACT

    def list(self) -> AsyncIterator[wire.Collection]:
        """Go through the collections in the order of their ids."""
        return self._client.walk("/v1/nfts", "collections", wire.Collection)

    async def get(self, collection: str) -> wire.Collection:
        """Return a collection."""
        return await self._client.run(self._calls.get(_path(collection), reader(wire.Collection)))

    def tokens(self, collection: str, *, owner: str | None = None) -> AsyncIterator[wire.NFT]:
        """Go through the tokens of a collection, or those of an owner in it."""
        return self._client.walk(_path(collection, "tokens"), "nfts", wire.NFT, owner=owner)

    async def token(self, collection: str, token_id: int) -> wire.NFT:
        """Return a token."""
        return await self._client.run(self._calls.get(_path(collection, "tokens", token_id), reader(wire.NFT)))

    async def balance(self, collection: str, account: str) -> wire.NFTHolding:
        """Return how many tokens an account has, and which roles."""
        return await self._client.run(self._calls.get(_path(collection, "balances", account), reader(wire.NFTHolding)))

    async def operator(self, collection: str, owner: str, operator: str) -> wire.Operator:
        """Return whether an operator may move all tokens of an owner."""
        return await self._client.run(
            self._calls.get(_path(collection, "operators", owner, operator), reader(wire.Operator))
        )

    async def create(
        self,
        key: Key,
        collection_key: str,
        name: str,
        symbol: str,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Create a collection, as :meth:`NFTs.create`."""
        return await self._do(key, _create(collection_key, name, symbol), sender, wait)

    async def mint(
        self,
        key: Key,
        collection: str,
        to: str,
        token_id: int,
        digest: str,
        media_type: str,
        uri: str = "",
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Make a token for an object, by the SHA-256 of its bytes, as a minter, as :meth:`NFTs.mint`."""
        return await self._do(
            key,
            _call(
                "mint",
                collection,
                to=assets.account(to),
                token_id=amount(token_id),
                digest=assets.asset(digest),
                media_type=media_type,
                uri=uri,
            ),
            sender,
            wait,
        )

    async def transfer(
        self,
        key: Key,
        collection: str,
        token_id: int,
        owner: str,
        to: str,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Move a token, as its owner, who is approved, or an operator, as :meth:`NFTs.transfer`."""
        return await self._do(
            key,
            _call(
                "transferFrom",
                collection,
                **{"from": assets.account(owner)},
                to=assets.account(to),
                token_id=amount(token_id),
            ),
            sender,
            wait,
        )

    async def burn(
        self, key: Key, collection: str, token_id: int, owner: str, *, sender: str | None = None, wait: str = "executed"
    ) -> wire.Transaction:
        """Destroy a token, as who may move it, as :meth:`NFTs.burn`."""
        return await self._do(
            key, _call("burn", collection, **{"from": assets.account(owner)}, token_id=amount(token_id)), sender, wait
        )

    async def approve(
        self,
        key: Key,
        collection: str,
        token_id: int,
        owner: str,
        approved: str = assets.NOBODY,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Let another one move a token; nobody unless given, as :meth:`NFTs.approve`."""
        return await self._do(
            key,
            _call(
                "approve",
                collection,
                owner=assets.account(owner),
                approved=assets.account(approved),
                token_id=amount(token_id),
            ),
            sender,
            wait,
        )

    async def set_operator(
        self,
        key: Key,
        collection: str,
        operator: str,
        approved: bool,
        *,
        sender: str | None = None,
        wait: str = "executed",
    ) -> wire.Transaction:
        """Let an operator move all tokens of one's own, or no longer, as :meth:`NFTs.set_operator`."""
        return await self._do(
            key,
            _call("setApprovalForAll", collection, operator=assets.account(operator), approved=approved),
            sender,
            wait,
        )
