"""Examples in docstrings run."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import librum

from golden import REPOSITORY
from network import Network, running

# Each imports its framework, and has tests of its own.
FRAMEWORKS = {"librum.flower", "librum.syft", "librum.tensorflow", "librum.torch"}
MODULES = [
    m.name
    for m in pkgutil.walk_packages(librum.__path__, "librum.")
    if not m.name.endswith("__main__") and m.name not in FRAMEWORKS
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Each module has a docstring, and its examples give what they say."""
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module).failed == 0


def test_there_are_examples() -> None:
    """The test above has something to fail on."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert any(test.examples for name in MODULES for test in finder.find(importlib.import_module(name)))


def test_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of docs/python.md run, one block after the other, against a network of this test's."""
    with running(tmp_path / "network", peers=2, external=1) as network:
        names = run_the_page(network, tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size > 0
    assert names["done"].code == "ok"
    said = capsys.readouterr().out
    assert "accuracy" in said
    assert "finished" in said


def run_the_page(network: Network, tmp_path: Path) -> dict[str, Any]:
    """Run the page's blocks of Python, and return the names that they leave."""
    page = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"genesis": network.genesis}
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    with contextlib.chdir(tmp_path):
        for block in blocks:
            code = block.replace("http://127.0.0.1:8080", network.url).replace("librum-dev", str(network.directory))
            exec(compile(code, "docs/python.md", "exec"), names)
    names["peer"].close()
    names["client"].close()
    return names


def test_the_reference() -> None:
    """Each public name of the package has its module on the page that the site is made of."""
    page = (REPOSITORY / "docs" / "python-reference.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^::: ([\w.]+)$", page, re.MULTILINE))
    for name in librum.__all__:
        home = getattr(getattr(librum, name), "__module__", "")
        assert {home, f"{home}.{name}"} & shown or home in ("librum.aio",), name
