"""Put the tables of a run of `quick` into the README: `python docs/fill_readme.py RUN`."""

import re
import sys
from pathlib import Path

from fauxbench.harness.report import render, tables
from fauxbench.harness.store.schema import read_results

README = Path(__file__).parent.parent / "README.md"
SHOWN = ("realism", "realism-augmented_real", "matrix-cnn-auc", "false_alarms")


def main() -> None:
    """Replace what stands between the two markers."""
    found = tables(read_results(Path(sys.argv[1])))
    text = "\n\n".join(render(found[name], "markdown").strip() for name in SHOWN if name in found)
    readme = README.read_text(encoding="utf-8")
    block = f"<!-- quick:begin -->\n{text}\n<!-- quick:end -->"
    filled = re.sub(r"<!-- quick:begin -->.*<!-- quick:end -->", lambda _: block, readme, flags=re.S)
    README.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    main()
