"""Tokens and unique tokens, on a network of its own accounts."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import secrets

import pytest

import librum
from librum import assets, nfts, problems, tokens

from network import Network

OTHER = "07" * 16


def member(network: Network, client: librum.Client) -> tuple[librum.Key, str]:
    """Load the member's key and ask whose it is."""
    key = librum.Key.load(network.directory / "member-key")
    return key, client.identities.owner(key.id.hex()).member


def test_token(network: Network, client: librum.Client) -> None:
    """Created, minted, moved, burnt, paused: each step shows in what is read."""
    key, me = member(network, client)
    name = secrets.token_hex(8)
    done = client.tokens.create(key, name, "A mill", "MILL", decimals=2, supply=1000, cap=5000)
    assert done.code == "ok"
    token = assets.asset_id(me, name)
    found = client.tokens.get(token)
    assert (found.name, found.symbol, found.decimals, found.supply, found.cap) == ("A mill", "MILL", 2, "1000", "5000")
    assert token in {t.id for t in client.tokens.list()}

    client.tokens.mint(key, token, me, 50)
    client.tokens.burn(key, token, 20)
    client.tokens.approve(key, token, OTHER, 70)
    client.tokens.increase_allowance(key, token, OTHER, 5)
    client.tokens.decrease_allowance(key, token, OTHER, 10)
    assert client.tokens.allowance(token, me, OTHER).amount == "65"
    client.tokens.approve(key, token, me, 30)
    client.tokens.transfer_from(key, token, me, me, 10)
    client.tokens.burn_from(key, token, me, 20)
    holding = client.tokens.balance(token, me)
    assert (holding.balance, holding.roles) == ("1010", ["admin", "burner", "minter", "pauser"])
    assert [b.account for b in client.tokens.balances(token)] == [me]

    client.tokens.pause(key, token)
    assert client.tokens.get(token).paused
    with pytest.raises(problems.Paused):
        client.tokens.transfer(key, token, me, 1)
    client.tokens.unpause(key, token)
    client.tokens.grant(key, token, "minter", OTHER)
    assert client.tokens.balance(token, OTHER).roles == ["minter"]
    client.tokens.revoke(key, token, "minter", OTHER)
    client.tokens.renounce(key, token, "pauser", wait="final")
    assert client.tokens.balance(token, me).roles == ["admin", "burner", "minter"]


def test_native_token(network: Network, client: librum.Client) -> None:
    """The native token has an id of zeros in paths and none in calls."""
    key, me = member(network, client)
    assert client.tokens.get(tokens.NATIVE).native
    before = int(client.tokens.balance(tokens.NATIVE, me).balance)
    client.tokens.transfer(key, tokens.NATIVE, me, 0)
    assert int(client.tokens.balance(tokens.NATIVE, me).balance) == before
    with pytest.raises(problems.InsufficientFunds):
        client.tokens.transfer(key, tokens.NATIVE, me, before + 1)


def test_unique_token(network: Network, client: librum.Client) -> None:
    """Minted with the digest of an object, approved, moved to oneself, burnt."""
    key, me = member(network, client)
    name = secrets.token_hex(8)
    client.nfts.create(key, name, "Prints", "PRT")
    prints = assets.asset_id(me, name)
    assert prints in {c.id for c in client.nfts.list()}
    digest = hashlib.sha256(b"pixels").hexdigest()
    client.nfts.mint(key, prints, me, 2**200, digest, "image/png", "https://example.org/print.png")
    print_ = client.nfts.token(prints, 2**200)
    assert (print_.owner, print_.token_id, print_.object.digest) == (me, str(2**200), digest)
    assert [t.token_id for t in client.nfts.tokens(prints, owner=me)] == [str(2**200)]
    assert client.nfts.balance(prints, me).balance == 1
    client.nfts.approve(key, prints, 2**200, me, OTHER)
    assert client.nfts.token(prints, 2**200).approved == OTHER
    client.nfts.set_operator(key, prints, OTHER, True)
    assert client.nfts.operator(prints, me, OTHER).approved
    client.nfts.transfer(key, prints, 2**200, me, me)
    assert client.nfts.token(prints, 2**200).approved is None
    with pytest.raises(problems.WrongOwner):
        client.nfts.burn(key, prints, 2**200, OTHER)
    client.nfts.pause(key, prints)
    assert client.nfts.get(prints).paused
    client.nfts.unpause(key, prints)
    client.nfts.burn(key, prints, 2**200, me)
    assert client.nfts.get(prints).supply == 0
    client.nfts.grant(key, prints, "admin", OTHER)
    client.nfts.revoke(key, prints, "admin", OTHER)
    client.nfts.renounce(key, prints, "burner")
    assert "burner" not in client.nfts.balance(prints, me).roles


def test_asyncio(network: Network, client: librum.Client) -> None:
    """The twins do the same."""
    key, me = member(network, client)
    name = secrets.token_hex(8)
    token = assets.asset_id(me, name)

    async def all_of_it() -> None:
        async with librum.AsyncClient(network.url, token=network.token) as client:
            t, n = client.tokens, client.nfts
            await t.create(key, name, "A mill", "MILL", supply=9)
            for call in (
                t.mint(key, token, me, 1),
                t.burn(key, token, 1),
                t.transfer(key, token, me, 2),
                t.approve(key, token, me, 4),
                t.increase_allowance(key, token, me, 4),
                t.decrease_allowance(key, token, me, 2),
                t.transfer_from(key, token, me, me, 1),
                t.burn_from(key, token, me, 1),
                t.grant(key, token, "pauser", OTHER),
                t.revoke(key, token, "pauser", OTHER),
                t.pause(key, token),
                t.unpause(key, token),
                t.renounce(key, token, "pauser"),
                n.create(key, name, "Prints", "PRT"),
                n.mint(key, token, me, 1, "ab" * 32, "image/png"),
                n.approve(key, token, 1, me),
                n.set_operator(key, token, OTHER, False),
                n.transfer(key, token, 1, me, me),
                n.grant(key, token, "pauser", OTHER),
                n.revoke(key, token, "pauser", OTHER),
                n.pause(key, token),
                n.unpause(key, token),
            ):
                assert (await call).code == "ok"
            assert (await t.get(token)).supply == "8"
            assert (await t.balance(token, me)).balance == "8"
            assert (await t.allowance(token, me, me)).amount == "4"
            assert [b.account async for b in t.balances(token)] == [me]
            assert token in [found.id async for found in t.list()]
            assert token in [found.id async for found in n.list()]
            assert (await n.get(token)).supply == 1
            assert (await n.token(token, 1)).owner == me
            assert [found.token_id async for found in n.tokens(token)] == ["1"]
            assert (await n.balance(token, me)).balance == 1
            assert not (await n.operator(token, me, OTHER)).approved
            await n.burn(key, token, 1, me)
            await n.renounce(key, token, "pauser")

    asyncio.run(all_of_it())


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: assets.account("AB" * 16), "account"),
        (lambda: assets.asset("ab" * 16), "64 lower-case"),
        (lambda: assets.account("zz" * 16), "hexadecimal"),
    ],
)
def test_refused_before_it_is_signed(build: object, said: str) -> None:
    """What the ledger would refuse in any case is told here."""
    assert callable(build)
    with pytest.raises(ValueError, match=said):
        build()


def test_no_such_role(network: Network, client: librum.Client) -> None:
    """A role that there is none of is told before anything is signed."""
    key, _ = member(network, client)
    with pytest.raises(ValueError, match="king"):
        client.tokens.grant(key, "ab" * 32, "king", OTHER)


def test_twins() -> None:
    """Both have the same methods with the same parameters."""

    def shape(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(function).parameters)
            for name, function in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(tokens.Tokens) == shape(tokens.AsyncTokens)
    assert shape(nfts.NFTs) == shape(nfts.AsyncNFTs)
