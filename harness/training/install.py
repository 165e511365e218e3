"""Put trained instruments in their place: `python -m fauxbench.harness.training.install DIR [DIR ...]`.

Every DIR holds a file of weights and its `report.json`, as the trainings write them. The weights go into the package,
digest, size and what was measured into `cards.toml`, and the tables of the report into the manual.
"""

import argparse
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..canonical import digest_of_file

HOME = Path(__file__).resolve().parents[1] / "instruments"
CARDS, WEIGHTS = HOME / "cards.toml", HOME / "weights"
MANUAL = HOME.parents[1] / "docs" / "instruments.md"
LARGEST = 3_000_000
"""Bytes that a file of weights may have to come with the package."""

ABOUT: Mapping[str, Mapping[str, Any]] = {
    "studio-face": {
        "title": "Identity, expression, pose and light of studio faces, at 96 x 96",
        "reference": "Prototype loss after Chung et al. 2020, In defence of metric learning, section 2.2",
        "entry": "studio_face:StudioFace",
        "modality": "image",
        "outputs": ["features", "identity", "factors"],
        "purpose": ["distribution", "neighbours", "identity", "factors"],
    },
    "studio-sync": {
        "title": "Offset between lips and voice of studio clips, 5 frames against 0.2 s",
        "reference": "After Chung, Zisserman 2016, Out of time: automated lip sync in the wild",
        "entry": "studio_sync:StudioSync",
        "modality": "video",
        "sound": True,
        "fps": 25.0,
        "outputs": ["offset", "distance", "confidence", "curve", "windows"],
        "purpose": ["sync"],
    },
    "studio-voice": {
        "title": "Speaker of studio voices, over log-mel spectrograms",
        "reference": "After Snyder et al. 2018, X-vectors; Chung et al. 2020, In defence of metric learning",
        "entry": "studio_voice:StudioVoice",
        "modality": "audio",
        "outputs": ["features"],
        "purpose": ["distribution", "speaker"],
    },
}


def measured(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a report that the card repeats."""
    out = {f"eer {name}": values["eer"] for name, values in report.get("verification", {}).items()}
    for name, values in report.get("offsets", {}).items():
        out |= {f"{what} {name}": values[what] for what in ("exact", "within_one_frame")}
    errors = report.get("factors", {})
    out |= {
        f"mae {name}": errors[name]["mae"] for name in ("yaw", "smile", "jaw_open", "key_azimuth") if name in errors
    }
    return {name: float(f"{value:.6g}") for name, value in out.items()}


def card_table(name: str, version: str, file: Path, report: Mapping[str, Any]) -> str:
    """Return the tables of one instrument for `cards.toml`."""
    lines = [f"[{name}]", f"version = {json.dumps(version)}"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in ABOUT[name].items()]
    lines += ["", f"[{name}.weights]", f"file = {json.dumps(file.name)}"]
    lines += ['url = "comes with fauxbench, in harness/instruments/weights"', f'sha256 = "{digest_of_file(file)}"']
    lines += [f"size = {file.stat().st_size}", 'licence = "Apache-2.0"', "", f"[{name}.measured]"]
    lines += [f"{json.dumps(key)} = {value!r}" for key, value in measured(report).items()]
    return "\n".join(lines) + "\n"


def replace_tables(text: str, name: str, table: str) -> str:
    """Return `cards.toml` with the tables of an instrument replaced, or added at the end."""
    blocks = re.split(r"(?m)^(?=\[)", text)
    kept = [block for block in blocks if not re.match(rf"\[{re.escape(name)}(\.[a-z]+)?\]", block)]
    return "".join(kept).rstrip("\n") + "\n\n" + table


def tables_of(report: Mapping[str, Any]) -> str:
    """Return what a report says as Markdown."""
    training, where = report["training"], report["machine"]
    lines = [
        f"Trained for {training['seconds'] / 60:.1f} minutes on {where['device']} (torch {where['torch']}), "
        f"{training['steps']:,.0f} steps over {training['groups']:,.0f} groups of rows.",
        "",
    ]
    if "verification" in report:
        lines += ["| held out | EER | genuine pairs | impostor pairs |", "|---|---|---|---|"]
        for name, v in report["verification"].items():
            lines.append(f"| {name} | {100 * v['eer']:.2f} % | {v['genuine']:,.0f} | {v['impostor']:,.0f} |")
        lines.append("")
    if "offsets" in report:
        lines += [
            "| held out | clips | exact | within one frame | distance | confidence |",
            "|---|---|---|---|---|---|",
        ]
        for name, v in report["offsets"].items():
            shares = f"{100 * v['exact']:.1f} % | {100 * v['within_one_frame']:.1f} %"
            lines.append(f"| {name} | {v['clips']:.0f} | {shares} | {v['distance']:.3f} | {v['confidence']:.3f} |")
        lines.append("")
    if "factors" in report:
        lines += ["| factor | mean absolute error | of always saying the mean | R² |", "|---|---|---|---|"]
        for name, v in report["factors"].items():
            lines.append(f"| `{name}` | {v['mae']:.3g} | {v['mae_of_the_mean']:.3g} | {v['r2']:.2f} |")
        lines.append("")
    lines += ["| change | level: value | rises throughout |", "|---|---|---|"]
    for name, v in report["calibration"].items():
        steps = ", ".join(f"{level:g}: {value:.4g}" for level, value in zip(v["level"], v["value"], strict=True))
        lines.append(f"| {name} | {steps} | {'yes' if v['monotone'] else 'no'} |")
    return "\n".join(lines)


def replace_section(text: str, name: str, section: str) -> str:
    """Return the manual with what stands between the markers of an instrument replaced.

    Raises:
        ValueError: The markers are not there.
    """
    begin, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    if begin not in text or end not in text:
        raise ValueError(f"no markers '{begin}' and '{end}' in the manual; add them where the tables belong")
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n{section}\n{end}{rest.partition(end)[2]}"


def install(folder: Path, cards: Path = CARDS, weights: Path = WEIGHTS, manual: Path = MANUAL) -> str:
    """Install what one training wrote; return the instrument's name.

    Raises:
        ValueError: The folder holds no report of a known instrument, or its weights are missing or too large.
    """
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    name = report["instrument"]
    file = folder / f"{name}.safetensors"
    if name not in ABOUT or not file.is_file():
        raise ValueError(f"{folder}: no weights of a known instrument; found a report of '{name}'")
    if file.stat().st_size >= LARGEST:
        raise ValueError(f"{file}: {file.stat().st_size:,} bytes; only less than {LARGEST:,} come with the package")
    weights.mkdir(parents=True, exist_ok=True)
    placed = Path(shutil.copyfile(file, weights / file.name))
    text = cards.read_text(encoding="utf-8")
    cards.write_text(replace_tables(text, name, card_table(name, "1", placed, report)), encoding="utf-8")
    page = replace_section(manual.read_text(encoding="utf-8"), name, tables_of(report))
    manual.write_text(page, encoding="utf-8")
    return str(name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Install every folder that is named."""
    parser = argparse.ArgumentParser(description="Put trained instruments in their place.")
    parser.add_argument("folders", type=Path, nargs="+", help="with weights and report.json")
    for folder in parser.parse_args(arguments).folders:
        print(f"{install(folder)}: installed from {folder}")  # noqa: T201


if __name__ == "__main__":
    main()
