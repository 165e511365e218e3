import json
import re
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fauxbench.harness.errors import InputError
from fauxbench.harness.report.figures import Drawn
from fauxbench.harness.report.page import report_page

CHROMIUM = Path("/usr/bin/chromium")
GRID = b"\x89PNG\r\n\x1a\n not a picture, but nobody decodes it here"


@pytest.fixture
def run(sample: ModuleType, tmp_path: Path) -> Path:
    folder = tmp_path / "run-1"
    (folder / "samples").mkdir(parents=True)
    results = sample.results(warnings=("<b>careful</b> & slow",))
    (folder / "results.json").write_text(results.model_dump_json())
    about = {"status": "complete", "started": "2026-01-02T03:04:05+00:00", "command": ["fauxbench", "run", "quick"]}
    about |= {"environment": {"python": "3.11.7", "libraries": {"torch": "2.15.0", "numpy": "2.4.6"}}}
    (folder / "run.json").write_text(json.dumps(about))
    (folder / "suite.json").write_text(json.dumps({"suite": "quick", "seed": 7, "conditions": [], "resize": None}))
    failure = {"unit": "fit broken@1", "kind": "error", "message": "3 differ_by\nmore", "traceback": "SECRET"}
    (folder / "failures.jsonl").write_text(json.dumps(failure) + "\n" + json.dumps(failure) + "\n")
    write_grid(folder, "dcgan@1", GRID)
    write_grid(folder, "swap_a@0.3", GRID + b"!")
    return folder


def write_grid(folder: Path, system: str, content: bytes, digest: str | None = None) -> None:
    (folder / "samples" / f"{system}.png").write_bytes(content)
    row = {"file": f"{system}.png", "generator": system, "kind": "fully_synthetic"}
    row["sha256"] = digest or sha256(content).hexdigest()
    with (folder / "samples" / "provenance.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


def grids(page: str) -> list[bytes]:
    part = page.partition('id="samples"')[2].partition("</section>")[0]
    return [b64decode(found) for found in re.findall(r'src="data:image/png;base64,([^"]+)"', part)]


def test_page_needs_nothing_from_anywhere(run: Path) -> None:
    page = report_page(run)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"@import|url\(|<link", page)


def test_page_says_all(run: Path) -> None:
    page = report_page(run)
    for part in (
        "&lt;b&gt;careful&lt;/b&gt; &amp; slow",
        "broken@1: failed: fit raised ValueError",
        "fauxbench run quick",
        "numpy 2.4.6, torch 2.15.0",
        "seed: 7",
        "error: 3 differ_by",
        'data-table="matrix-cnn-auc"',
    ):
        assert part in page, part
    assert "SECRET" not in page
    assert "resize" not in page.partition('id="protocol"')[2].partition("comparability")[0]


def test_page_is_the_same_each_time(run: Path) -> None:
    assert report_page(run) == report_page(run)


def test_grids_keep_every_byte(run: Path) -> None:
    assert grids(report_page(run)) == [GRID, GRID + b"!"]


def test_what_is_not_as_it_left_the_store_is_not_shown(run: Path) -> None:
    write_grid(run, "dcgan@2", b"\x89PNG other", digest=sha256(b"before").hexdigest())
    (run / "samples" / "stray.png").write_bytes(b"\x89PNG without a row")
    assert len(grids(report_page(run))) == 2


def test_figures_stand_in_their_chapter(run: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (400).to_bytes(4, "big")
    drawn = Drawn(name="roc-x", title="ROC of x", caption="n < 3", section="detection", wide=True, png=png, pdf=b"%PDF")
    chapter = report_page(run, [drawn]).partition('<section id="detection">')[2].partition("</section>")[0]
    assert 'id="figure-roc-x"' in chapter
    assert "n &lt; 3" in chapter
    assert 'width="240"' in chapter
    assert 'download="roc-x.pdf" href="data:application/pdf;base64,JVBERg=="' in chapter


def test_run_that_did_not_end_well_is_said(run: Path) -> None:
    (run / "run.json").write_text(json.dumps({"status": "interrupted", "reason": "disk full"}))
    assert "the run ended as &#39;interrupted&#39;: disk full" in report_page(run)
    (run / "run.json").unlink()
    assert "run.json is missing" in report_page(run)


def test_damaged_document_is_named(run: Path) -> None:
    (run / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot read .*run\.json"):
        report_page(run)
    with pytest.raises(InputError, match="not a finished run folder"):
        report_page(run / "samples")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}: apt-get install chromium")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, run: Path) -> Iterator[Any]:
    place = run / "report.html"
    place.write_text(report_page(run), encoding="utf-8")
    page, said, asked = browser.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(place.as_uri())
    yield page
    page.close()
    # The grids above are no pictures; nothing else may be said.
    assert [text for text in said if "ERR_INVALID" not in text] == []
    assert all(url.startswith(("file:", "data:")) for url in asked)


def firsts(page: Any, table: str, panel: int = 0) -> list[str]:
    """Return the first cells of a panel's visible lines, as they stand."""
    body = page.locator(f"[data-table='{table}'] tbody").nth(panel)
    return [text.strip() for text in body.locator("tr.line:visible > :first-child").all_inner_texts()]


def test_sorting(page: Any) -> None:
    fully = 1
    head = page.locator("[data-table=realism] th", has_text="FD[spectrum]")
    as_built = firsts(page, "realism", fully)
    assert as_built == ["dcgan@1", "dcgan@2", "broken@1a"] or as_built[:2] == ["dcgan@1", "dcgan@2"]
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert firsts(page, "realism", fully)[:2] == ["dcgan@2", "dcgan@1"]
    assert firsts(page, "realism", fully)[-1].startswith("broken@1"), "what has no value stays last"
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert firsts(page, "realism", fully)[:2] == ["dcgan@1", "dcgan@2"]
    assert firsts(page, "realism", fully)[-1].startswith("broken@1")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") is None
    assert firsts(page, "realism", fully) == as_built


def test_sorting_by_a_measure_where_more_is_better_begins_at_the_top(page: Any) -> None:
    head = page.locator("[data-table=realism] th", has_text="inception score")
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert firsts(page, "realism", 1)[:2] == ["dcgan@2", "dcgan@1"]


def test_sorting_by_name(page: Any) -> None:
    button = page.locator("[data-table=detection] th", has_text="tested on").locator("button")
    button.click()
    button.click()
    assert firsts(page, "detection") == ["swap_a@0.3", "dcgan@2", "dcgan@1"]


def test_filter_by_kind(page: Any) -> None:
    page.get_by_role("button", name="partially synthetic").click()
    assert firsts(page, "detection") == ["swap_a@0.3"]
    assert firsts(page, "realism")[0].startswith("real (held out)"), "real data stays"
    assert not page.locator("[data-table=realism-augmented_real]").is_visible()
    assert page.locator("#samples figure:visible").count() == 1
    heads = page.locator("[data-table=matrix-cnn-auc] thead tr").last.locator("th:visible")
    assert [text.strip() for text in heads.all_inner_texts()] == ["trained on", "swap_a@0.3"]
    assert page.locator("#count").inner_text().endswith("lines")
    page.get_by_role("button", name="all kinds").click()
    assert len(firsts(page, "detection")) == 3
    assert page.locator("[data-table=realism-augmented_real]").is_visible()


def test_dark_mode(browser: Any, run: Path) -> None:
    place = run / "report.html"
    place.write_text(report_page(run), encoding="utf-8")
    shades = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(place.as_uri())
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades[scheme] = sum(map(int, re.findall(r"\d+", colour)[:3]))
        page.close()
    assert shades["dark"] < 150 < 600 < shades["light"]
