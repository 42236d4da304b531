"""What the library prov, by the authors of PROV-JSON, makes of the provenance of a model."""

from __future__ import annotations

import datetime
from pathlib import Path

from prov.identifier import QualifiedName
from prov.model import ProvActivity, ProvAgent, ProvDerivation, ProvDocument, ProvEntity, ProvGeneration, ProvMembership

GOLDEN = Path(__file__).parents[2] / "fl" / "provenance" / "testdata" / "prov.json"


def test_prov_reads_it() -> None:
    """Every record is read, keeps what it says through PROV-N's model, and relates to records that are there."""
    document = ProvDocument.deserialize(content=GOLDEN.read_text(), format="json")
    count = {kind: len(list(document.get_records(kind))) for kind in (ProvEntity, ProvActivity, ProvAgent)}
    # The spec, three models, two sets, two states, two updates and the card; two rounds; creator, two peers, a node.
    assert count == {ProvEntity: 11, ProvActivity: 2, ProvAgent: 4}
    assert len(list(document.get_records(ProvMembership))) == 2
    assert len(list(document.get_records(ProvDerivation))) == 5
    known = {record.identifier for kind in count for record in document.get_records(kind)}
    for record in document.get_records():
        if record.is_relation():
            ends = [value for _, value in record.formal_attributes if isinstance(value, QualifiedName)]
            assert [end for end in ends if end not in known] == []
            assert len(ends) >= 2
    made = [g for g in document.get_records(ProvGeneration) if "model-0c" in str(g.args[0])]
    assert len(made) == 1
    assert made[0].args[2] == datetime.datetime(1970, 1, 1, 0, 0, 3, 700000, tzinfo=datetime.timezone.utc)


def test_prov_writes_it_back() -> None:
    """What prov writes is the same document."""
    document = ProvDocument.deserialize(content=GOLDEN.read_text(), format="json")
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert again == document
    assert "entity(librum:model-0c" in document.get_provn()
