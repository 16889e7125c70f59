"""The report in a real browser, opened as a file without any connection."""

import pytest

from abm.comparison.report.html import write_report
from tests.pages import IN_A_BROWSER, axe_violations

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def addresses(three, ten, tmp_path_factory):
    """Where the reports of three groups and of ten with long names lie."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("three", "ten")}
    made = {"three": three, "ten": ten}
    return {name: write_report(made[name], folder, "abm compare").as_uri() for name, folder in folders.items()}


@pytest.fixture(params=[1400, 800, 390])
def opened(request, chromium, addresses):
    """Opens a report at each width; nothing but the file itself may be asked for, and nothing may fail."""
    context = chromium.new_context(viewport={"width": request.param, "height": 900}, offline=True)
    page, problems = context.new_page(), []
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: problems.append(asked.url) if asked.url.startswith("http") else None)

    def open_report(name):
        page.goto(addresses[name])
        page.wait_for_selector(".chart .u-over")
        return page

    yield open_report
    context.close()
    assert problems == []


@pytest.mark.parametrize("name", ["three", "ten"])
def test_nothing_is_cut_and_wide_tables_scroll_by_keyboard(opened, name):
    page = opened(name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ends = (
        "each => [...each.querySelectorAll('figure, .chart, .u-wrap, p, li')].map(e => e.getBoundingClientRect().right)"
    )
    assert max(page.locator("body").evaluate(ends)) <= page.viewport_size["width"] + 1
    tables = page.locator(".table")
    for place in range(tables.count()):
        table = tables.nth(place)
        assert table.get_attribute("role") == "region" and table.get_attribute("aria-label")
        hidden = table.evaluate("each => each.scrollWidth - each.clientWidth")
        if hidden > 1:
            table.focus()
            page.keyboard.press("ArrowRight")
            page.wait_for_function("place => document.querySelectorAll('.table')[place].scrollLeft > 0", arg=place)
    if page.viewport_size["width"] == 390:
        assert tables.evaluate_all("all => all.some(each => each.scrollWidth > each.clientWidth)")


def test_a_definition_opens_by_keyboard(opened):
    page = opened("three")
    said = page.locator("details:has(summary:text-is('sector_hhi')) span").first
    summary = page.locator("summary:text-is('sector_hhi')").first
    assert not said.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert said.is_visible() and "Unit: 0 to 10,000." in said.inner_text()


def test_charts_tell_values_zoom_and_switch_lines_off(opened):
    page = opened("three")
    picture = page.locator("figure.drawn").first
    assert not picture.locator("img").is_visible()
    chart, other = picture.locator(".chart").nth(0), picture.locator(".chart").nth(1)
    over = chart.locator(".u-over")
    over.scroll_into_view_if_needed()
    value = chart.locator(".u-legend .u-value").nth(0)
    over.hover(position={"x": 20, "y": 20})
    page.wait_for_timeout(100)
    first = value.inner_text()
    box = over.bounding_box()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 20)
    page.wait_for_timeout(100)
    step = int(value.inner_text())
    assert step > int(first)
    assert other.locator(".u-legend .u-value").nth(0).inner_text() == str(step)
    assert "[" in chart.locator(".u-legend .u-value").nth(1).inner_text()
    # Zoom: the same place of the chart is another step then, in all charts of the picture.
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()
    page.mouse.move(box["x"] + 0.05 * box["width"], box["y"] + 20)
    page.wait_for_timeout(100)
    assert int(value.inner_text()) >= step
    assert int(other.locator(".u-legend .u-value").nth(0).inner_text()) >= step
    over.dblclick(position={"x": 5, "y": 20})
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    page.wait_for_timeout(100)
    assert int(value.inner_text()) < step
    name = chart.locator(".u-legend .u-series th").nth(1)
    name.click()
    assert "u-off" in chart.locator(".u-legend .u-series").nth(1).get_attribute("class")


# What the marks of a picture show, and whether that lies within the page.
SHOWN = """marks => marks.map(mark => [mark, getComputedStyle(mark, "::after")])
  .filter(([, said]) => !["none", "normal"].includes(said.content)).map(([mark, said]) => {
    const left = mark.getBoundingClientRect().left + parseFloat(said.left);
    const widths = [said.width, said.paddingLeft, said.paddingRight];
    const right = widths.reduce((sum, each) => sum + parseFloat(each), left);
    return [said.content.slice(1, -1).replaceAll("\\\\a ", "\\n"), left >= 0 && right <= innerWidth];
  })"""


@pytest.mark.parametrize("name", ["three", "ten"])
def test_marks_of_pictures_tell_their_values_at_the_pointer_by_keyboard_and_by_touch(opened, name):
    page = opened(name)
    assert page.locator(".spots").count() == 4  # effects, regimes, winners, sample size
    for picture in page.locator(".spots").all():
        marks = picture.locator(".spot")
        assert marks.evaluate_all(SHOWN) == []
        marks.first.focus()  # as a touch does
        for _ in range(marks.count()):
            focused = page.locator(":focus").get_attribute("aria-label")
            assert marks.evaluate_all(SHOWN) == [[focused, True]]
            page.keyboard.press("ArrowRight")
        assert page.locator(":focus").get_attribute("aria-label") == marks.last.get_attribute("aria-label")
        page.keyboard.press("Shift+Tab")  # the picture is one stop
        assert page.locator(".spot:focus").count() == 0
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        assert marks.evaluate_all(SHOWN) == []
        marks.first.hover()
        assert marks.evaluate_all(SHOWN) == [[marks.first.get_attribute("aria-label"), True]]
        page.mouse.move(0, 0)


def test_axe_finds_nothing(opened):
    assert axe_violations(opened("three")) == []


def test_on_paper_the_pictures_are_there_and_the_charts_are_not(opened):
    page = opened("three")
    page.emulate_media(media="print")
    picture = page.locator("figure.drawn").first
    assert picture.locator("img").is_visible() and not picture.locator(".charts").is_visible()
    assert page.locator(".spot").count() and not page.locator(".spot:visible, .help:visible").count()
