"""Make docs/images/studio.png, and bring the factor tables of docs/studio.md up to date."""

import re
from pathlib import Path

from fauxbench.harness.datasets.studio.factors import PERSON, SCENE, STATE, markdown_table
from fauxbench.harness.datasets.studio.sheet import contact_sheet, save_sheet

HERE = Path(__file__).parent
FIRST = 0


def main() -> None:
    """Write both files."""
    save_sheet(HERE / "studio.png", contact_sheet(8, 8, 160, first_person=FIRST, plain=True), 736)
    manual = HERE.parent / "studio.md"
    text = manual.read_text(encoding="utf-8")
    for name, table in (("person", PERSON), ("state", STATE), ("scene", SCENE)):
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda m, t=table: m[1] + markdown_table(t) + m[2], text, flags=re.DOTALL)
    manual.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
