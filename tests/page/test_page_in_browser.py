"""The page as a person uses it: photos go in, a finding is corrected, the report is taken home."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.whole.conftest import browser, chromium  # noqa: F401  (fixtures)
from tests.whole.conftest import page as tab  # noqa: F401  (`page` is the application here)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
EVIL = "<img src=x onerror=alert(1)>.png"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def photos(tmp_path_factory, picture) -> list[Path]:
    """Two photos, one with code as its name, and a file that is none."""
    folder = tmp_path_factory.mktemp("photos")
    for seed, name in ((1, "plain.png"), (2, EVIL)):
        (folder / name).write_bytes(picture(seed))
    (folder / "broken.jpg").write_bytes(b"no photo")
    return sorted(folder.iterdir())


@pytest.fixture
def opened(tab: Page, address) -> Page:  # noqa: F811
    """The page of a new visitor. It must ask nothing of other servers, and no name may run."""
    asked, faults = [], []
    tab.on("request", lambda request: asked.append(request.url))
    # Playwright loses its connection where a handler raises pytest's exception.
    tab.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.goto(address)
    yield tab
    assert not faults, "a file name ran as code, or the page's script failed"
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_upload_correction_and_download(opened, photos, width, height):
    opened.set_viewport_size({"width": width, "height": height})
    expect(opened.get_by_role("heading", name="Drop photos of concrete here")).to_be_visible()
    expect(opened.get_by_text("This model has no calibration")).to_be_visible()
    opened.set_input_files("#files", photos)
    expect(opened.locator(".card.done")).to_have_count(2)
    expect(opened.locator(".card.failed")).to_contain_text("not an image")
    expect(opened.locator("#summary")).to_have_text("2 of 2 photos cracked")
    assert opened.evaluate(OVERFLOW) == 0
    assert opened.get_by_label("Search by name").bounding_box()["width"] > 100

    opened.get_by_label("Threshold").fill("99")
    expect(opened.locator("#summary")).to_have_text("0 of 2 photos cracked")
    opened.get_by_role("button", name="the model's own").click()
    opened.get_by_label("Show").select_option("failed")
    expect(opened.locator(".card")).to_have_count(1)
    opened.get_by_label("Show").select_option("all")

    opened.get_by_role("button", name=f"{EVIL}: cracked").click()
    viewer = opened.get_by_role("dialog", name="Photo")
    expect(viewer.get_by_role("heading", name=EVIL)).to_be_visible()
    expect(viewer.locator("img.full")).not_to_have_js_property("naturalWidth", 0)
    viewer.get_by_label("heat").uncheck()
    expect(viewer.locator("img.heat")).to_be_hidden()
    viewer.get_by_role("button", name="No crack on this photo").click()
    expect(viewer.locator(".judgement")).to_contain_text("No crack")
    viewer.get_by_role("button", name="Mark a missed crack").click()
    draw(opened, viewer.locator(".layer").bounding_box())
    expect(viewer.get_by_text("Missed crack", exact=True)).to_be_visible()
    expect(viewer.locator(".judgement")).to_contain_text("Cracked")
    viewer.get_by_role("button", name="Close").click()

    archive = downloaded(opened, "Report, to hand on")
    rows = list(csv.DictReader(io.StringIO(archive.read("corrections.csv").decode())))
    assert [row["label"] for row in rows] == ["no crack", "crack missed"]
    assert {row["photo"] for row in rows} == {EVIL}
    assert "corrected by a person" in archive.read("report.html").decode()


def draw(page: Page, layer: dict[str, float]) -> None:
    """Drag a box over the middle of the photo."""
    for step, share in enumerate((0.3, 0.5, 0.6)):
        page.mouse.move(layer["x"] + share * layer["width"], layer["y"] + share * layer["height"])
        if not step:
            page.mouse.down()
    page.mouse.up()


def downloaded(page: Page, name: str) -> zipfile.ZipFile:
    page.get_by_text("Report and files").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    return zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))


def inside(part: Locator, whole: Locator) -> bool:
    """Whether all of a part of the page is within another one, to a pixel."""
    small, large = part.bounding_box(), whole.bounding_box()
    return all(
        large[at] - 1 <= small[at] and small[at] + small[size] <= large[at] + large[size] + 1
        for at, size in (("x", "width"), ("y", "height"))
    )


def test_a_region_leads_to_its_place(opened, photos):
    opened.set_input_files("#files", photos[:2])
    opened.locator(".card.done").first.click()
    layer = opened.locator(".layer")
    before = layer.bounding_box()["width"]
    for _ in range(6):
        opened.keyboard.press("+")
    assert layer.bounding_box()["width"] > 3 * before
    stage = layer.locator("..").bounding_box()
    middle = stage["y"] + stage["height"] / 2
    opened.mouse.move(stage["x"] + 5, middle)
    opened.mouse.down()
    opened.mouse.move(stage["x"] + stage["width"] - 5, middle, steps=5)
    opened.mouse.up()
    assert not inside(layer.locator("polygon").first, layer.locator(".."))
    opened.locator(".regions .go").first.click()
    expect(opened.locator("polygon.chosen")).to_have_count(1)
    assert inside(opened.locator("polygon.chosen"), layer.locator(".."))
    opened.get_by_role("button", name="Fit").click()
    assert layer.bounding_box()["width"] == pytest.approx(before, rel=0.01)
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_be_hidden()


def test_the_report_prints_to_pdf(opened, photos):
    opened.set_input_files("#files", photos)
    expect(opened.locator(".card.done")).to_have_count(2)
    opened.get_by_text("Report and files").click()
    with opened.expect_download() as download:
        opened.get_by_role("link", name="Report as PDF").click()
    content = Path(download.value.path()).read_bytes()
    assert content.startswith(b"%PDF")
    # The two photos are in it, each with its heat.
    assert content.count(b"/Subtype /Image") >= 4


def test_from_photo_to_photo_by_keys_while_they_are_corrected(opened, picture, tmp_path):
    names = ["a.png", "b.png", "c.png"]
    for seed, name in enumerate(names):
        (tmp_path / name).write_bytes(picture(seed + 1))
    opened.set_input_files("#files", [tmp_path / name for name in names])
    expect(opened.locator(".card.done")).to_have_count(3)
    opened.get_by_label("Sort").select_option("name")
    opened.get_by_label("Show").select_option("cracked")
    opened.locator(".card.done").first.click()
    viewer = opened.get_by_role("dialog", name="Photo")
    for name in names:
        expect(viewer.get_by_role("heading", name=name)).to_be_visible()
        # The photo leaves the gallery, which shows cracked ones only.
        button = viewer.get_by_role("button", name="No crack on this photo")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        opened.keyboard.press("PageDown")
    expect(viewer.get_by_role("heading", name="a.png")).to_be_visible()
    expect(opened.locator(".card.done")).to_have_count(0)


def test_a_photo_is_dropped_and_marked_as_right(opened, picture, tmp_path):
    (tmp_path / "north.png").write_bytes(picture(1))
    drop(opened, tmp_path / "north.png")
    expect(opened.locator(".card.done .name")).to_have_text("north.png")
    opened.get_by_label("Threshold").fill("99")
    opened.locator(".card.done").click()
    viewer = opened.get_by_role("dialog", name="Photo")
    expect(viewer.get_by_role("button", name="Right, no crack")).to_be_visible()
    viewer.get_by_role("button", name="Close").click()
    opened.get_by_label("Threshold").fill("1")
    opened.locator(".card.done").click()
    button = viewer.get_by_role("button", name="Right, cracked")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(viewer.locator(".judgement")).to_contain_text("Cracked")
    viewer.get_by_role("button", name="Close").click()
    rows = csv.DictReader(
        io.StringIO(downloaded(opened, "Report, to hand on").read("corrections.csv").decode())
    )
    assert [(row["label"], row["cracked"]) for row in rows] == [("right", "1")]


def drop(page: Page, file: Path) -> None:
    """Drop a file or a folder on the page, by Chromium's own events."""
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 300, "data": data})


def test_what_is_typed_about_the_inspection_is_saved_by_the_enter_key(opened, photos):
    opened.set_input_files("#files", photos[:1])
    expect(opened.locator(".card.done")).to_have_count(1)
    opened.get_by_role("button", name="About the inspection").click()
    opened.get_by_label("Project").fill("Bridge 7")
    with opened.expect_response("**/api/inspection"):
        opened.keyboard.press("Enter")
    opened.get_by_role("button", name="About the inspection").click()
    expect(opened.get_by_label("Project")).to_have_value("Bridge 7")
    opened.get_by_role("button", name="Cancel").click()
    expect(opened.get_by_label("Project")).to_be_hidden()


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_folder_is_added_without_the_results_in_it(opened, picture, tmp_path, way):
    site = tmp_path / "site"
    for name in ("a.png", "._a.png", "found/overlays/a.png.jpg", "found/report/1.jpg"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(picture())
    (site / "found" / "photos.json").write_text("{}")
    if way == "chosen":
        opened.set_input_files("#folder", site)
    else:
        drop(opened, site)
    expect(opened.locator(".card.done")).to_have_count(1)
    expect(opened.locator(".card")).to_have_count(1)


def test_photos_are_taken_before_the_visit_has_begun(opened, photos):
    held = []
    opened.route("**/api/visit", lambda route: held.append(route))
    opened.reload()
    opened.set_input_files("#files", photos)
    while not held:
        opened.wait_for_timeout(50)
    held[0].continue_()
    expect(opened.locator(".card.done")).to_have_count(2)


def test_the_page_asks_again_where_an_answer_was_lost(opened, photos):
    lost = []

    def lose(route) -> None:
        lost.append(route.request.url)
        route.abort() if len(lost) < 3 else route.continue_()

    opened.route("**/api/photos?since=*", lose)
    opened.set_input_files("#files", photos)
    expect(opened.locator(".card.done")).to_have_count(2, timeout=30_000)
    assert len(lost) >= 3


def test_the_controls_are_true_after_the_way_back(opened, photos, address):
    opened.set_input_files("#files", photos)
    expect(opened.locator(".card.done")).to_have_count(2)
    opened.get_by_label("Show").select_option("whole")
    opened.get_by_label("Search by name").fill("plain")
    opened.locator("#tools").get_by_label("heat").uncheck()
    opened.goto(f"{address}/results/report.html")
    opened.go_back()
    opened.wait_for_load_state()
    expect(opened.locator(".card.done")).to_have_count(2)
    expect(opened.get_by_label("Show")).to_have_value("all")
    expect(opened.get_by_label("Search by name")).to_have_value("")
    expect(opened.locator("#tools").get_by_label("heat")).to_be_checked()


def test_the_report_keeps_the_threshold_from_page_to_page(opened, photos):
    opened.set_input_files("#files", photos)
    expect(opened.locator(".card.done")).to_have_count(2)
    opened.get_by_label("Threshold").fill("99")
    opened.get_by_text("Report and files").click()
    with opened.expect_popup() as shown:
        opened.get_by_role("link", name="Open the report").click()
    report = shown.value
    expect(report.get_by_role("heading", name="No crack on 2 photos")).to_be_visible()
    links = report.locator("header a").evaluate_all("all => all.map(one => one.href)")
    assert links
    assert all("threshold=0.99" in link for link in links)


def test_a_correction_shows_while_other_photos_are_on_their_way(opened, photos, picture, tmp_path):
    opened.set_input_files("#files", photos)
    expect(opened.locator(".card.done")).to_have_count(2)
    (tmp_path / "slow.png").write_bytes(picture(3))
    # This photo never arrives, so the page keeps asking for results.
    opened.route("**/api/photos?name=slow.png", lambda route: None)
    opened.set_input_files("#files", tmp_path / "slow.png")
    expect(opened.locator("#progress")).to_contain_text("1 on their way")
    opened.locator(".card.done").first.click()
    button = opened.get_by_role("dialog").get_by_role("button", name="No crack on this photo")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
