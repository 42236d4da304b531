"""Run notebooks from a clean kernel: python run_notebooks.py [--write] NOTEBOOK…

Each has to run to its end, write nothing to stderr but progress bars, and draw at least one plot. With --write the
outputs are kept in the file, else the file stays as it is.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

TIMEOUT_S = 600
WIDGET = "application/vnd.jupyter.widget-view+json"


def run(path: Path) -> tuple[nbformat.NotebookNode, list[str]]:
    """Run a notebook in a folder of its own; return it with its outputs, and what is wrong with it."""
    book = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(book, timeout=TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": folder}})
        try:
            client.execute()
        except CellExecutionError as error:
            return book, [str(error)]
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    wrong = [] if any("image/png" in output.get("data", {}) for output in outputs) else ["it draws no plot"]
    for output in outputs:
        if output.get("name") == "stderr" and "round/s" not in output["text"]:
            wrong.append(f"it writes to stderr: {output['text'][:500]}")
    return book, wrong


def tidy(book: nbformat.NotebookNode) -> None:
    """Take out what tells readers nothing: times of cells, and widgets, whose state is not kept."""
    book.metadata.pop("widgets", None)
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr" and WIDGET not in o.get("data", {})]


def main() -> int:
    """Run all that are named; the exit code is 1 where one of them is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="keep the outputs in the files")
    parser.add_argument("notebook", nargs="+", type=Path)
    given = parser.parse_args()
    failed = False
    for path in given.notebook:
        started = time.monotonic()
        book, wrong = run(path)
        print(f"{path.name}: {time.monotonic() - started:.0f} s{': ' if wrong else ''}{'; '.join(wrong)}", flush=True)
        failed = failed or bool(wrong)
        if given.write and not wrong:
            tidy(book)
            nbformat.write(book, path)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
