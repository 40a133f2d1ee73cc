"""The report of src.predict, seen in a browser."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.data.drawn.photograph import draw_photograph
from src.photos.inspection import inspect
from src.photos.photo_report import InspectionResults, write_report
from src.photos.records import place
from tests.photos.findings import MADE_BY, record, region
from tests.samples import light_classifier

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# Number of lines that a word in a cell's text lies on.
BOXES_OF_WORD = """(cell, word) => {
  for (const text of cell.childNodes) {
    const start = text.data?.indexOf(word) ?? -1;
    if (start < 0) continue;
    const range = document.createRange();
    range.setStart(text, start);
    range.setEnd(text, start + word.length);
    return range.getClientRects().length;
  }
}"""
EVIL = "<img src=x onerror=alert(1)> & 'Ä'.jpg"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """The report of two photos, one with code as its name, and of one that cannot be read."""
    folder = tmp_path_factory.mktemp("report")
    photos, output = folder / "photos", folder / "out"
    photos.mkdir()
    for seed, name in enumerate(("plain.png", EVIL)):
        rng = np.random.default_rng(seed)
        photo = draw_photograph(rng, 200, 300, cracked=seed == 1).pixels
        Image.fromarray(photo).save(photos / name)
    (photos / "broken.png").write_bytes(b"no photo")
    light_classifier().save(folder / "model.keras")
    given = [f"input={photos}", f"output={output}", f"model={folder / 'model.keras'}"]
    inspect(compose_as(Predict, "predict/config", [*given, "engine.name=tensorflow"]))
    return output / "report.html"


def test_report_in_a_browser(report, page: Page):
    asked, dialogs = [], []
    page.on("request", lambda request: asked.append(request.url))
    # Playwright loses its connection where a handler raises pytest's exception.
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(report.as_uri())
        expect(page.locator("article")).to_have_count(2)
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) == 0
    assert not dialogs, "a file name ran as code"
    assert all(url.startswith(("file:", "data:")) for url in asked)
    card = page.locator("article", has=page.get_by_role("heading", name=EVIL))
    expect(card.locator("img.photo")).not_to_have_js_property("naturalWidth", 0)
    card.get_by_role("button").click()
    large = page.get_by_role("dialog")
    expect(large).to_be_visible()
    expect(large.locator(".name")).to_have_text(EVIL)
    expect(large.locator("img.photo")).to_be_visible()
    assert large.locator(".picture").bounding_box()["width"] > 0.85 * 390
    page.get_by_role("button", name="Close").click()
    expect(large).to_be_hidden()
    page.get_by_label("heat").uncheck()
    expect(card.locator(".heat")).to_be_hidden()
    expect(page.locator("#unreadable")).to_contain_text("not an image")
    full_size = card.get_by_role("link", name="full size").evaluate("link => link.href")
    page.goto(full_size)
    expect(page.locator("img")).not_to_have_js_property("naturalWidth", 0)


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """The report of one photo whose findings have long names and numbers."""
    folder = tmp_path_factory.mktemp("measured")
    sizes = {"length": 1234.5, "mean_width": 12.34, "max_width": 23.45}
    one = {f"{name}_{unit}": size for name, size in sizes.items() for unit in ("px", "mm")}
    one |= {"id": 12, "severity": "very severe", "direction_degrees": 179.9}
    records = [record("a.jpg", region((3456, 4567, 3460, 4570), **one), mm_per_pixel=1.0)]
    places = {"a.jpg": place(Path("in/a.jpg"), Path("in"), folder)}
    config = compose_as(Predict, "predict/config", ["input=in", f"output={folder}"])
    found = InspectionResults(records, [], MADE_BY, places, None)
    return write_report(folder, found, config.inspection, config.report)


@pytest.mark.parametrize(
    ("media", "width"), [("screen", 390), ("screen", 1280), ("print", 688), ("screen", 1024)]
)
def test_the_table_of_regions_is_read_at_every_width(measured, page: Page, media, width):
    page.emulate_media(media=media)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(measured.as_uri())
    page.evaluate("document.querySelector('details').open = true")
    table = page.locator("details table")
    fits = "table => table.parentElement.scrollWidth <= table.parentElement.clientWidth"
    assert table.evaluate(fits)
    line = "row => row.offsetHeight / parseFloat(getComputedStyle(row).lineHeight)"
    assert table.locator("tr").last.evaluate(line) < 5.5
    for word in ("3456,", "severe"):
        # A word on two lines has two boxes.
        boxes = table.locator("td").first.evaluate(BOXES_OF_WORD, word)
        assert boxes == 1, word
