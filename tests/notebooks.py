"""The notebooks under examples/, run again: ``python -m tests.notebooks`` writes their outputs anew."""

from __future__ import annotations

import html
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))

VARIES = "varies"
"""The tag of a cell whose figures and notes hang on the processor: what is trained does."""


def executed(path, folder):
    """The notebook at *path*, run from its top in a kernel of its own, which starts in *folder*."""
    notebook = nbformat.read(path, 4)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    client = NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)
    return _tidied(notebook)


def _tidied(notebook):
    """Without what says something of the run and not of the music: times, warnings, addresses."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            kept = [one for one in cell.outputs if one.get("name") != "stderr"]
            cell.outputs = list(_printed_together(kept))
    # The address in a repr; never within a page, where it would be a piece of its sound.
    return json.loads(re.sub(r"(?<= )0x[0-9a-f]{6,}(?=>)", "0x…", json.dumps(notebook)))


def _printed_together(outputs) -> Iterator[dict]:
    """*outputs* with text that was printed in a row as one: how it is parted hangs on the clock."""
    last = None
    for output in outputs:
        if last is not None and last.output_type == output.output_type == "stream":
            last.text += output.text
            continue
        if last is not None:
            yield last
        last = output
    if last is not None:
        yield last


def told(notebook) -> Iterator[tuple[str, list[object]]]:
    """Of each code cell its source, and of its outputs what a test can compare.

    That is the text, the kinds of data, and the notes on a page. Not the drawings, which change with
    the version of the engraver and of matplotlib, and not the sound, with that of FluidSynth. Of
    cells that vary it is the text without its figures.
    """
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        varies = VARIES in cell["metadata"].get("tags", [])
        found: list[object] = []
        for output in cell["outputs"]:
            data = output.get("data", {})
            text = "".join(output.get("text", data.get("text/plain", "")))
            if "text/html" in data:
                # Its megabytes are not of the music alone.
                text = re.sub(r"[\d.]+ MB", "… MB", text)
            found.append(re.sub(r"\d+(\.\d+)?", "#", text) if varies else text)
            found.append(sorted(data))
            if "text/html" in data and not varies:
                found.append([piece["notes"] for piece in page_of(output)["pieces"]])
        yield "".join(cell["source"]), found


def page_of(output):
    """What the script of a page in an output knows."""
    held = re.search(r'srcdoc="(.*)"></iframe>', "".join(output["data"]["text/html"]), re.S)
    return json.loads(re.search(r'id="data">(.*?)</script>', html.unescape(held[1]), re.S)[1])


def pages(notebook) -> Iterator[str]:
    """The HTML of all that is shown as a page."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            shown = "".join(output.get("data", {}).get("text/html", ""))
            if "<iframe" in shown:
                yield shown


def main(names) -> None:
    """Run the notebooks of these *names*, or all, and write them."""
    for path in NOTEBOOKS:
        if names and path.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            made = executed(path, folder)
        path.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
