"""The page when answers are late or fail, when a visit has ended, and when it is used by keys."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.whole.conftest import browser, chromium  # noqa: F401  (fixtures)
from tests.whole.conftest import page as tab  # noqa: F401  (`page` is the application here)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ENDED = {"detail": "this visit has ended; load the page again"}
# Whether the picture that the browser keeps is the one that the server sends.
IS_AS_SENT = """async image => {
    const sent = async cache => (await fetch(image.src, { cache })).arrayBuffer();
    const text = async cache => String(new Uint8Array(await sent(cache)));
    return await text("force-cache") === await text("reload");
}"""
IS_ON_TOP = """one => {
    const { x, y, width, height } = one.getBoundingClientRect();
    return one.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory, picture) -> list[Path]:
    """Two photos, 1.png and 2.png."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in (1, 2):
        (folder / f"{seed}.png").write_bytes(picture(seed))
    return sorted(folder.iterdir())


@pytest.fixture
def opened(tab: Page, address) -> Page:  # noqa: F811
    """The page of a new visitor, who confirms everything."""
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.goto(address)
    return tab


def add(page: Page, *photos: Path, shown: int) -> None:
    page.set_input_files("#files", photos)
    expect(page.locator(".card.done")).to_have_count(shown)


def begin_anew(page: Page) -> None:
    """End the visit, and wait for the page of the next one."""
    with page.expect_navigation():
        page.locator("#forget").click()
    expect(page.locator("body")).not_to_have_attribute("inert", "")


def refuse(route: Route) -> None:
    route.fulfill(status=403, json=ENDED)


def test_a_new_visit_shows_its_own_photos(opened, photos):
    add(opened, photos[0], shown=1)
    begin_anew(opened)
    add(opened, photos[1], shown=1)
    assert opened.locator(".card .picture img").first.evaluate(IS_AS_SENT)


def test_a_tab_of_an_ended_visit_shows_and_takes_nothing_of_the_next_one(opened, photos, address):
    add(opened, photos[0], shown=1)
    other = opened.context.new_page()
    other.on("dialog", lambda dialog: dialog.accept())
    other.goto(address)
    begin_anew(other)
    add(other, photos[1], shown=1)
    status = "async one => (await fetch(one.src ?? one.href, {cache: 'reload'})).status"
    assert opened.locator(".card .picture img").first.evaluate(status) == 403
    assert opened.locator("#take a[data-path]").first.evaluate(status) == 403
    opened.set_input_files("#files", photos[1])
    expect(opened.locator("#message")).to_contain_text("this visit has ended")
    expect(opened.locator(".card")).to_have_count(1)


def test_a_failed_correction_is_told_over_the_open_photo(opened, photos):
    add(opened, photos[0], shown=1)
    opened.locator(".card.done").click()
    opened.route("**/api/corrections", refuse)
    opened.get_by_role("button", name="No crack on this photo").click()
    message = opened.locator("#message")
    expect(message).to_contain_text("this visit has ended")
    assert message.evaluate(IS_ON_TOP)


@pytest.mark.parametrize("address_of_failure", ["**/api/visit", "**/api/photos?since=*"])
def test_a_page_that_cannot_begin_says_so(opened, address_of_failure):
    opened.route(address_of_failure, refuse)
    opened.reload()
    expect(opened.locator("#message")).to_contain_text("this visit has ended")
    expect(opened.locator("body")).not_to_have_attribute("inert", "")


def test_no_photo_is_shown_under_the_name_of_another(opened, photos):
    add(opened, *photos, shown=2)
    opened.locator(".card.done").first.click()
    expect(opened.locator("#viewer img.full")).to_be_visible()
    session = opened.context.new_cdp_session(opened)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    held: list[Route] = []
    opened.route("**/api/photos/*/*", lambda route: held.append(route))
    opened.keyboard.press("PageDown")
    expect(opened.locator("#viewer h2")).to_have_text("2.png")
    stage = opened.locator("#viewer .stage")
    shown = stage.screenshot()
    opened.locator("#viewer .photo").evaluate("one => { one.style.visibility = 'hidden'; }")
    assert stage.screenshot() == shown


def test_what_two_tabs_say_about_the_inspection_is_kept(opened, photos, address):
    add(opened, photos[0], shown=1)
    other = opened.context.new_page()
    other.goto(address)
    for one, label, text in ((opened, "Project", "Bridge 7"), (other, "Inspector", "Ann")):
        one.get_by_role("button", name="About the inspection").click()
        one.get_by_label(label).fill(text)
        with one.expect_response("**/api/inspection"):
            one.keyboard.press("Enter")
    opened.get_by_role("button", name="About the inspection").click()
    expect(opened.get_by_label("Project")).to_have_value("Bridge 7")
    expect(opened.get_by_label("Inspector")).to_have_value("Ann")


def test_what_could_not_be_saved_about_the_inspection_stays(opened, photos):
    add(opened, photos[0], shown=1)
    opened.route("**/api/inspection", refuse)
    opened.get_by_role("button", name="About the inspection").click()
    opened.get_by_label("Remarks").fill("long remarks")
    opened.get_by_role("button", name="Save").click()
    expect(opened.locator("#message")).to_contain_text("this visit has ended")
    expect(opened.get_by_label("Remarks")).to_be_visible()
    expect(opened.get_by_label("Remarks")).to_have_value("long remarks")


def test_a_file_that_cannot_be_read_does_not_lose_the_others(opened):
    names = opened.evaluate(
        """async () => {
            const { dropped } = await import("/static/uploading.js");
            const entry = (name, file) => ({ webkitGetAsEntry: () =>
                ({ isFile: true, name, fullPath: `/site/${name}`, file }) });
            const items = [entry("a.png", take => take(new File(["x"], "a.png"))),
                entry("b.png", (_, refuse) => refuse(new DOMException("gone", "NotFoundError")))];
            return (await dropped({ items })).map(one => [one.name, one.file !== null]);
        }"""
    )
    assert names == [["site/a.png", True], ["site/b.png", False]]


def test_the_page_asks_for_photos_when_the_last_one_is_removed(opened, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    opened.set_input_files("#files", tmp_path / "broken.jpg")
    opened.locator(".card.failed .remove").press("Enter")
    expect(opened.get_by_role("heading", name="Drop photos of concrete here")).to_be_visible()
    expect(opened.locator("#add")).to_be_focused()


def test_a_long_name_that_could_not_be_sent_fits_on_a_phone(opened, photos, tmp_path):
    opened.set_viewport_size({"width": 390, "height": 844})
    add(opened, photos[0], shown=1)
    large = tmp_path / f"{'x' * 120}.jpg"
    large.write_bytes(bytes(1_000_001))
    opened.set_input_files("#files", large)
    expect(opened.locator("#progress")).to_contain_text("could not be sent")
    assert opened.evaluate(OVERFLOW) == 0


def test_the_box_of_a_missed_crack_shows_whatever_happens_meanwhile(opened, photos):
    add(opened, *photos, shown=2)
    opened.locator(".card.done").first.click()
    viewer = opened.get_by_role("dialog", name="Photo")
    held: list[Route] = []
    opened.route("**/api/corrections", lambda route: held.append(route))
    mark = viewer.get_by_role("button", name="No crack on this photo")
    mark.click()
    viewer.get_by_role("button", name="Mark a missed crack").click()
    box = viewer.locator(".layer").bounding_box()
    opened.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    opened.mouse.down()
    held[0].continue_()
    expect(mark).to_have_attribute("aria-pressed", "true")
    opened.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"], steps=3)
    expect(viewer.locator("svg polygon.missed")).to_have_count(1)
    opened.keyboard.press("PageDown")
    expect(viewer.locator(".hint")).to_be_hidden()
    opened.mouse.up()


def test_the_focus_stays_where_the_keys_are_used(opened, photos):
    add(opened, *photos, shown=2)
    opened.get_by_label("Threshold").fill("42.5")
    expect(opened.locator("#threshold-value")).to_have_text("42.5 %")
    opened.locator("#threshold-reset").press("Enter")
    expect(opened.get_by_label("Threshold")).to_be_focused()
    opened.get_by_text("Report and files").press("Enter")
    opened.keyboard.press("Tab")
    opened.keyboard.press("Escape")
    expect(opened.locator("#take summary")).to_be_focused()
    opened.get_by_label("Show").select_option("cracked")
    opened.locator(".card.done").first.press("Enter")
    opened.locator("#next").press("Enter")
    expect(opened.locator("#next")).to_be_focused()
    mark = opened.get_by_role("button", name="No crack on this photo")
    mark.press("Enter")
    expect(mark).to_have_attribute("aria-pressed", "true")
    expect(mark).to_be_focused()
    expect(opened.get_by_role("status").filter(has_text="No crack")).to_be_visible()
    opened.keyboard.press("Escape")
    # The correction has taken the photo out of those that are shown.
    expect(opened.locator(".card.done")).to_have_count(1)
    expect(opened.locator(".card.done")).to_be_focused()
