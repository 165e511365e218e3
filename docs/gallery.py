"""Put what systems made in a run, and what it scored, into the README: `python docs/gallery.py RUN`.

The grids are the run's own, as they left the store: watermarked and signed, with their rows of provenance beside them.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from fauxbench.harness.store.schema import Results, Row, read_results

HERE = Path(__file__).parent
PICTURES = HERE / "images" / "gallery"
README = HERE.parent / "README.md"
SHOWN = ("fd[studio-face]", "precision[studio-face]", "recall[studio-face]")
HEADER = ("| | system | Fréchet distance ↓ | precision ↑ | recall ↑ |", "| --- | :-- | --: | --: | --: |")
LABELS = {"real": "real (held out)", "real-degraded": "real (degraded)"}


def main(run: Path) -> None:
    """Copy the grids and replace what stands between the two markers."""
    results = read_results(run)
    rows = {(row.system, row.metric): row for row in results.rows if row.section == "realism" and not row.slice}
    firsts = [row for row in results.rows if row.metric == SHOWN[0] and row.section == "realism"]
    pictures = copied(run)
    parts = []
    for key in dict.fromkeys(row.comparability for row in firsts):  # what does not compare shares no column
        lines = list(HEADER)
        for row in firsts:
            if row.comparability == key:
                place = pictures.get(row.system)
                picture = f"![{row.system}]({place})" if place else ""
                cells = [said(rows.get((row.system, metric)), 1 + (metric != SHOWN[0])) for metric in SHOWN]
                lines.append(f"| {picture} | {LABELS.get(row.system, row.system)} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    text = "\n\n".join([*parts, about(results)])
    block = f"<!-- gallery:begin -->\n{text}\n<!-- gallery:end -->"
    readme = README.read_text(encoding="utf-8")
    filled = re.sub(r"<!-- gallery:begin -->.*<!-- gallery:end -->", lambda _: block, readme, flags=re.S)
    README.write_text(filled, encoding="utf-8")


def copied(run: Path) -> dict[str, str]:
    """Copy grids and their provenance; return system -> the picture's address in the README."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    told = run / "samples" / "provenance.jsonl"
    found = {}
    for line in told.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = Path(row["file"]).name
        shutil.copyfile(run / "samples" / name, PICTURES / name)
        found[str(row["generator"])] = (PICTURES / name).relative_to(README.parent).as_posix()
    shutil.copyfile(told, PICTURES / told.name)
    return found


def said(row: Row | None, digits: int) -> str:
    """Return a value with its interval; nothing where it was not measured."""
    if row is None or row.value is None:
        return ""
    if row.interval is None:
        return f"{row.value:.{digits}f}"
    return f"{row.value:.{digits}f} [{row.interval.low:.{digits}f}, {row.interval.high:.{digits}f}]"


def about(results: Results) -> str:
    """Return what the numbers are of."""
    test = [row.n for row in results.rows if row.section == "realism" and row.metric == SHOWN[0] and row.n]
    return (
        f"Suite `{results.suite.name}`, {max(test, default=0)} pictures a set, features of `studio-face`; in brackets "
        "95 % intervals. Below each picture: P(fake) by a detector that learnt from all of them. Systems that alter "
        "pictures have tables of their own: their targets are the test pictures, and their distances are small."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
