"""What the package costs before it does anything."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

import librum

LIGHT = 0.3  # s of processor time
MOST_PACKAGES = 25


def run(code: str) -> str:
    """Return what an interpreter of its own prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout


def test_import_is_light() -> None:
    """``import librum`` takes less than 0.3 s of processor time, and loads none of what it stands on."""
    said = run(
        "import sys, time\nbegan = time.process_time()\nimport librum\nprint(time.process_time() - began)\n"
        "print(sorted({'numpy', 'httpx', 'cryptography', 'cbor2', 'safetensors', 'yaml'} & set(sys.modules)))"
    )
    took, loaded = said.splitlines()
    assert float(took) < LIGHT
    assert loaded == "[]"


def test_names() -> None:
    """Each public name is there, has a docstring, and is listed."""
    for name in librum.__all__:
        assert getattr(librum, name).__doc__
    assert set(librum.__all__) <= set(dir(librum))
    assert not hasattr(librum, "nothing_of_that_name")


def test_base_install_is_small() -> None:
    """All that comes along without an extra are at most 25 packages."""
    assert metadata.version("librum") == librum.__version__
    found: set[str] = set()
    left = ["librum"]
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            requirement, _, marker = line.partition(";")
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            if match and "extra" not in marker and "python_version" not in marker and "platform" not in marker:
                left.append(match.group())
    assert 6 < len(found) <= MOST_PACKAGES, sorted(found)
