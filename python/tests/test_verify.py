"""The second verifier agrees with the first, on good files, tampered ones, and crafted signatures."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import librum
from librum import ed25519
from librum.encoding import decode, digest, encode
from librum.envelope import HEADER, covered
from librum.keys import Key
from librum.verify import evidence, weights
from librum.verify.__main__ import main
from librum.verify.report import Report

from golden import REPOSITORY
from network import BINARY, export, first_verifier, running, spec, until_final

MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Evidence:
    """A file of evidence, the chain it is of, and the network's directory."""

    path: Path
    genesis: str
    directory: Path
    content: bytes


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Train a job to its final end, and stop."""
    base = tmp_path_factory.mktemp("evidence")
    with running(base / "network", peers=2) as network, librum.Client(network.url, token=network.token) as client:
        job = client.jobs.submit(spec())
        client.jobs.wait(job.id, timeout=120)
        until_final(client)
    content = export(base / "network", job.id, base / "job.evidence")
    return Evidence(base / "job.evidence", network.genesis, base / "network", content)


def test_good(good: Evidence) -> None:
    """Both find the same right, and count the same."""
    theirs = first_verifier(good.path, "--genesis", good.genesis)
    ours = evidence.verify_file(good.path, bytes.fromhex(good.genesis))
    assert (ours.verdict, ours.first) == (theirs["verdict"], None) == ("right", None)
    assert theirs["checked"] == {
        "blocks": ours.blocks, "transactions": ours.transactions, "signatures": ours.signatures, "delegated": 0,
        "rounds": ours.rounds, "updates": ours.updates, "averages": ours.averages,
    }  # fmt: skip
    assert (ours.rounds, ours.updates, ours.averages) == (2, 4, 2)
    assert any(line.what.startswith("model card") for line in ours.lines)


def test_command(good: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    """The command's exit codes and its JSON are those of the first."""
    assert main([str(good.path), "--genesis", good.genesis]) == 0
    assert "right: 2 rounds" in capsys.readouterr().out
    assert main([str(good.path), "--json"]) == 0
    ours, theirs = json.loads(capsys.readouterr().out), first_verifier(good.path)
    del theirs["checked"]["delegated"]
    assert ours == {key: theirs[key] for key in ours}
    assert main([str(good.path)]) == 0
    assert "no anchor" in capsys.readouterr().out
    assert main([str(good.path), "--genesis", "00" * 32]) == 1
    assert "anchor at genesis" in capsys.readouterr().out
    assert main([str(good.path.with_name("none"))]) == 3
    for wrong in (["--genesis", "xx"], ["--head", "zz" * 32], []):
        with pytest.raises(SystemExit) as ended:
            main([*([str(good.path)] if wrong else []), *wrong])
        assert ended.value.code == 2


def test_it_stands_alone(good: Evidence) -> None:
    """Checking a file needs numpy, cryptography and cbor2, and nothing else that is not Python's own."""
    code = (
        "import sys\nfrom librum.verify.__main__ import main\nassert main(sys.argv[1:]) == 0\n"
        "print(sorted({'httpx', 'safetensors', 'yaml', 'pandas', 'anyio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, good.path], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("anchor", [("--head", "11" * 32), ("--min-height", "9999")])
def test_anchors(good: Evidence, anchor: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """What the file does not reach makes it incomplete, for both."""
    assert main([str(good.path), "--json", *anchor]) == 3
    ours, theirs = json.loads(capsys.readouterr().out), first_verifier(good.path, *anchor)
    assert ours["first_error"]["kind"] == theirs["first_error"]["kind"] == "missing"
    head = evidence.verify_file(good.path).head
    assert main([str(good.path), "--head", head]) == 0


def test_without_updates(good: Evidence, tmp_path: Path) -> None:
    """Averages rest on the quorum's word then, and both say so."""
    path = tmp_path / "without"
    export(good.directory, evidence.verify_file(good.path).job, path, "--without-updates")
    ours, theirs = evidence.verify_file(path), first_verifier(path)
    assert (ours.verdict, ours.averages, ours.attested) == (theirs["verdict"], theirs["checked"]["averages"], 2)
    assert ours.verdict == "right"


def sealed(content: bytes | bytearray) -> bytes:
    """Return the content with the sum at its end put right."""
    return bytes(content[:-32]) + hashlib.sha256(content[:-32]).digest()


def both(path: Path, content: bytes) -> tuple[Report, dict[str, Any]]:
    """Return what both verifiers say of a file."""
    path.write_bytes(content)
    return evidence.verify(memoryview(content)), first_verifier(path)


def parts(content: bytes) -> tuple[Any, list[Any], bytes]:
    """Return head, blocks and contents of a file."""
    at = 12
    found = []
    (length,) = struct.unpack(">I", content[at : at + 4])
    head = decode("head", content[at + 4 : at + 4 + length], MAX_BYTES)
    at += 4 + length
    for _ in range(head[2], head[3] + 1):
        (length,) = struct.unpack(">I", content[at : at + 4])
        found.append(decode("block", content[at + 4 : at + 4 + length], MAX_BYTES))
        at += 4 + length
    return head, found, content[at:-32]


def joined(head: Any, blocks: list[Any], contents: bytes) -> bytes:
    """Return the file of such parts."""
    frames = b"".join(struct.pack(">I", len(raw)) + raw for raw in (encode(part) for part in (head, *blocks)))
    return sealed(b"librumev" + struct.pack(">I", 1) + frames + contents + bytes(32))


def test_parts_are_the_file(good: Evidence) -> None:
    """Taking the file apart and joining it gives the file, so that what follows changes what it says."""
    assert joined(*parts(good.content)) == good.content


def test_damage(good: Evidence, tmp_path: Path) -> None:
    """A byte that differs anywhere is found by the sum; a file that ends early as well."""
    for at in range(0, len(good.content), len(good.content) // 5):
        changed = bytearray(good.content)
        changed[at] ^= 1
        ours, theirs = both(tmp_path / "file", bytes(changed))
        assert (ours.verdict, theirs["verdict"]) == ("wrong", "wrong")
    for short in (b"", good.content[:20], good.content[:-1]):
        ours, theirs = both(tmp_path / "file", short)
        assert ours.verdict == theirs["verdict"] == "wrong"
    (tmp_path / "empty").write_bytes(b"")
    assert evidence.verify_file(tmp_path / "empty").verdict == "wrong"


def test_every_region(good: Evidence, tmp_path: Path) -> None:
    """A bit that differs in any region, the sum put right, is found by both."""
    size = len(good.content) - 32
    for at in range(3, size, size // 24):
        changed = bytearray(good.content)
        changed[at] ^= 4
        ours, theirs = both(tmp_path / "file", sealed(changed))
        assert ours.verdict == theirs["verdict"], at
        assert ours.verdict != "right", at


CLASSES = [
    "genesis", "job", "heights", "content dropped", "content added", "header", "chain", "signature", "signer twice",
    "signatures dropped", "result", "result dropped", "transaction dropped", "transaction bytes", "path", "writes",
    "index", "block dropped", "behind the end", "version",
]  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_lies(good: Evidence, tmp_path: Path, name: str) -> None:
    """What a liar could write into a well-formed file is found by both, as the same kind of thing."""
    head, blocks, contents = parts(good.content)
    last = blocks[-1]
    with_transactions = next(b for b in blocks if b[3])
    match name:
        case "genesis":
            head[0] = head[0][:-1] + bytes([head[0][-1] ^ 1])
        case "job":
            head[1] = digest(head[1])
        case "heights":
            head[2], head[3] = head[2] + 1, head[3] + 1
        case "content dropped":
            (_, size), head[5] = head[5][0], head[5][1:]
            contents = contents[size:]
        case "content added":
            extra = b"extra"
            head[5] = sorted([*head[5], [digest(extra), 5]])
            at = sum(size for d, size in head[5] if d < digest(extra))
            contents = contents[:at] + extra + contents[at:]
        case "header":
            last[0] = last[0][:-1] + bytes([last[0][-1] ^ 1])
        case "chain":
            fields = decode("header", last[0], 1024)
            fields[5] = digest(b"")
            last[0] = encode(fields)
            last[1] = []
        case "signature":
            last[1][0][3] = last[1][0][3][:-1] + bytes([last[1][0][3][-1] ^ 1])
        case "signer twice":
            last[1] = [last[1][0]] * 4
        case "signatures dropped":
            last[1] = last[1][:2]
        case "result":
            last[2][0] = last[2][0][:-1] + bytes([last[2][0][-1] ^ 1])
        case "result dropped":
            last[2] = last[2][:-1]
        case "transaction dropped":
            with_transactions[3] = with_transactions[3][1:]
        case "transaction bytes":
            signed = with_transactions[3][0][1]
            with_transactions[3][0][1] = signed[:-1] + bytes([signed[-1] ^ 1])
        case "path":
            with_transactions[3][0][2] = [*with_transactions[3][0][2], bytes(32)]
        case "writes":
            with_transactions[3][0][3][0][1] += b"x"
        case "index":
            with_transactions[3][0][0] += 1000
        case "block dropped":
            del blocks[1]
            head[3] -= 1
        case "behind the end":
            contents = b"x" + contents
        case "version":
            pass
    content = joined(head, blocks, contents)
    if name == "version":
        content = sealed(content[:11] + b"\x02" + content[12:])
    ours, theirs = both(tmp_path / "file", content)
    assert ours.verdict == theirs["verdict"]
    assert ours.verdict != "right" or name == "content dropped"  # an update's, whose round then is attested
    if ours.first is not None:
        assert ours.first.kind == theirs["first_error"]["kind"]


def crafted(key: Key, seed: bytes, message: bytes, *, canonical: bool = True) -> bytes:
    """Return a signature that holds by ZIP-215 alone: its R has a part of order eight."""
    hashed = hashlib.sha512(seed).digest()
    scalar = (int.from_bytes(hashed[:32], "little") & ((1 << 254) - 8)) | (1 << 254)
    torsion = ed25519.decompress(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))
    assert torsion is not None
    r = int.from_bytes(digest(message), "little") % ed25519.L
    x, y, z, _ = ed25519._add(ed25519._multiply(r, ed25519.BASE), torsion)
    inverse = pow(z, ed25519.P - 2, ed25519.P)
    x, y = x * inverse % ed25519.P, y * inverse % ed25519.P
    point = (y | (x & 1) << 255).to_bytes(32, "little")
    k = int.from_bytes(hashlib.sha512(point + key.public + message).digest(), "little") % ed25519.L
    s = (r + k * scalar) % ed25519.L
    return point + (s if canonical else s + ed25519.L).to_bytes(32, "little")


def test_crafted_signatures(good: Evidence, tmp_path: Path) -> None:
    """Signatures that strict libraries refuse and ZIP-215 takes are taken by both; those with a large S by neither."""
    nodes = {}
    for path in good.directory.glob("node-*/key"):
        key = Key.load(path)
        nodes[key.public] = (key, key._private.private_bytes_raw())
    group = decode("genesis", parts(good.content)[0][0], MAX_BYTES)[5][1]
    for canonical, verdict in ((True, "right"), (False, "wrong")):
        head, blocks, contents = parts(good.content)
        for block in blocks:
            for signature in block[1]:
                key, seed = next(nodes[public] for node, _, public in group if node == signature[2])
                message = covered(key.id, HEADER, block[0])
                signature[3] = crafted(key, seed, message, canonical=canonical)
                assert not ed25519._strict(key.public, message, signature[3])
        ours, theirs = both(tmp_path / "file", joined(head, blocks, contents))
        assert ours.verdict == theirs["verdict"] == verdict


@pytest.mark.parametrize(
    "more",
    [
        {"early_stop": {"metric": "loss", "patience": 1, "mode": "max"}},
        {"fraction_evaluate": 1, "early_stop": {"metric": "loss", "patience": 1, "mode": "max"}},
        {"strategy": {"name": "fedadam"}},
    ],
)
def test_options(tmp_path: Path, more: dict[str, Any]) -> None:
    """A job that stops early is computed; one by a strategy that is not known here is neither right nor wrong."""
    with (
        running(tmp_path / "network", peers=2, hold_out=0.25) as network,
        librum.Client(network.url, token=network.token) as client,
    ):
        job = client.jobs.submit(spec(rounds=4, **more))
        client.jobs.wait(job.id, timeout=120)
        told = [set(update.metrics or {}) for update in client.jobs.updates(job.id, 1)]
        assert all(("eval_loss" in names) == ("fraction_evaluate" in more) for names in told)
        until_final(client)
    export(tmp_path / "network", job.id, tmp_path / "file")
    ours, theirs = evidence.verify_file(tmp_path / "file"), first_verifier(tmp_path / "file")
    assert theirs["verdict"] == "right"
    if "strategy" in more:
        assert ours.verdict == "incomplete"
        assert ours.first is not None
        assert "fedadam" in ours.first.message
    else:
        assert (ours.verdict, ours.first, ours.rounds) == ("right", None, theirs["checked"]["rounds"])
        assert ours.rounds < 4


def test_a_lying_aggregator(tmp_path: Path) -> None:
    """A term that was lost over a wrong average is explained by both, and the job is right."""
    directory = tmp_path / "demo"
    arguments = ["--keep", "--cheat", "aggregator", "--peers", "2", "--rounds", "3", "--json"]
    command = [str(BINARY), "demo", "--dir", str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    job = json.loads(done.stdout.splitlines()[-1])["job"]
    path = tmp_path / "job.evidence"
    export(directory, job, path)
    ours, theirs = evidence.verify_file(path), first_verifier(path)
    assert (ours.verdict, ours.first) == (theirs["verdict"], None) == ("right", None), done.stdout
    assert ours.averages == theirs["checked"]["averages"]
    assert any("lost term" in line.what for line in ours.lines)


ATTACKS = sorted((REPOSITORY / "aggregator" / "tensor" / "testdata" / "attacks").glob("*.safetensors"))


@pytest.mark.parametrize("path", ATTACKS, ids=lambda p: p.stem)
def test_hostile_safetensors(path: Path) -> None:
    """Each hostile file of the Go reader is refused here too, and each good one is read."""
    data = memoryview(path.read_bytes())
    if path.name.startswith("ok."):
        start, tensors = weights.read_layout(data, 100_000_000)
        assert start + sum(t.end - t.begin for t in tensors) == len(data)
        return
    with pytest.raises(weights.FormatError):
        weights.read_layout(data, 100_000_000)


def update(model: list[weights.Tensor], numbers: np.ndarray[Any, Any]) -> memoryview:
    """Return the file of a model with these numbers."""
    header, _ = weights.canonical(model)
    return memoryview(header + numbers.astype("<f4").tobytes())


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.lists(FLOATS, min_size=7, max_size=7), st.integers(1, 2**29 - 1)), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_average_is_the_naive_mean(drawn: list[tuple[list[float], int]]) -> None:
    """The average is that of a loop over Python's own floats."""
    model = [weights.Tensor("b", "F32", (3,)), weights.Tensor("a", "F32", (2, 2))]
    updates = [(update(model, np.array(numbers)), weight) for numbers, weight in drawn]
    assert [weights.refusal(data, model) for data, _ in updates] == [""] * len(updates)
    total = float(sum(weight for _, weight in drawn))
    mean = []
    for i in range(7):
        acc = 0.0
        for numbers, weight in drawn:
            acc += numbers[i] * float(weight)
        mean.append(acc / total)
    want = bytes(update(model, np.array(mean)))
    assert weights.average(updates, model) == (hashlib.sha256(want).hexdigest(), len(want))


def test_refusals() -> None:
    """Each reason that follows from the bytes, the first that applies."""
    model = [weights.Tensor("a", "F32", (2,))]
    good = bytes(update(model, np.array([1.0, 2.0])))
    other = update([weights.Tensor("b", "F32", (2,))], np.zeros(2))
    assert weights.refusal(memoryview(good), model) == ""
    assert weights.refusal(memoryview(good[:-1]), model) == "format"
    assert weights.refusal(memoryview(good + bytes(2 << 20)), model) == "format"
    assert weights.refusal(other, model) == "shape"
    assert weights.refusal(update(model, np.array([1.0, np.inf])), model) == "nan"
    assert weights.refusal(update(model, np.array([np.nan, 1.0])), model) == "nan"


def test_drawn(tmp_path: Path) -> None:
    """Cohorts that were drawn by reveals are drawn again, and both verifiers agree."""
    with running(tmp_path / "network", peers=4) as network, librum.Client(network.url, token=network.token) as client:
        job = client.jobs.submit(spec(fraction_train=0.5, min_available_peers=4))
        client.jobs.wait(job.id, timeout=120)
        until_final(client)
        rounds = list(client.jobs.rounds(job.id))
    assert [(r.peers, r.wanted, r.draw.roster, r.draw.withheld) for r in rounds if r.draw] == [(2, 2, 4, [])] * 2
    export(tmp_path / "network", job.id, tmp_path / "job.evidence")
    theirs = first_verifier(tmp_path / "job.evidence", "--genesis", network.genesis)
    ours = evidence.verify_file(tmp_path / "job.evidence", bytes.fromhex(network.genesis))
    assert (ours.verdict, ours.first) == (theirs["verdict"], None) == ("right", None)
    drawn = [line.what for line in ours.lines if line.what.startswith("cohort of 2 of 4 peers, drawn by ")]
    assert len(drawn) == 2
