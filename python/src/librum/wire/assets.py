"""Tokens and unique tokens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much a spender may still move for a holder.

    Attributes
    ----------
    amount
        2^256-1 is never used up.
    """

    owner: str
    spender: str
    amount: str


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What a holder has of a token."""

    account: str
    balance: str


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A collection of unique tokens.

    Attributes
    ----------
    id
        SHA-256 of creator and key.
    created
        Log time, ms.
    supply
        How many tokens there are; missing in lists.
    """

    id: str
    name: str
    symbol: str
    creator: str
    created: int
    paused: bool
    supply: int | None = None


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What an account has of a token, and of whom.

    Attributes
    ----------
    roles
        Of admin, burner, minter, pauser.
    """

    account: str
    balance: str
    roles: list[str]


@dataclass(frozen=True, kw_only=True)
class NFT:
    """A unique token.

    Attributes
    ----------
    token_id
        Decimal, below 2^256.
    minted
        Log time, ms.
    approved
        Who else may move it; missing for nobody.
    """

    collection: str
    token_id: str
    owner: str
    minter: str
    minted: int
    object: NFTObject
    approved: str | None = None


@dataclass(frozen=True, kw_only=True)
class NFTHolding:
    """What an account has of a collection.

    Attributes
    ----------
    roles
        Of admin, burner, minter, pauser.
    """

    account: str
    balance: int
    roles: list[str]


@dataclass(frozen=True, kw_only=True)
class NFTObject:
    """The object that a unique token stands for.

    Attributes
    ----------
    digest
        SHA-256 of its bytes; check it.
    uri
        Missing where it is a blob of the nodes.
    """

    digest: str
    media_type: str
    uri: str | None = None


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Whether an account may move all tokens of another."""

    owner: str
    operator: str
    approved: bool


@dataclass(frozen=True, kw_only=True)
class Token:
    """A fungible token.

    Attributes
    ----------
    id
        SHA-256 of creator and key; zeros for the native token.
    symbol
        Not unique but for the native token's: the id is what counts.
    decimals
        Digits of an amount behind the point, for people.
    supply
        In the smallest unit, decimal, as all amounts.
    cap
        The most there may ever be; missing where nothing bounds it.
    created
        Log time, ms.
    creator
        Missing for the native token.
    """

    id: str
    name: str
    symbol: str
    decimals: int
    supply: str
    native: bool
    paused: bool
    cap: str | None = None
    created: int | None = None
    creator: str | None = None
