"""Pictures of the running sandbox's pages for the README, in docs/screenshots/; small, as they are kept in git."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, ViewportSize

from operations.stack import outputs_of
from releasing.project import PROJECT, SANDBOX, SANDBOX_PORT, CouldNotLook
from sandbox.places import HOME
from tests.browser.chromium import NoChromium, started_chromium
from tests.browser.conftest import DESKTOP, PHONE, example_ids
from tests.browser.sign_in import sign_in

FOLDER = PROJECT / "docs" / "screenshots"
LARGEST_BYTES = 120 * 1024
# What an administrator's view shows once its data have come; the page goes on asking what is new.
FILLED = "#view :is(.listing td, .field)"
# Shows every video at a moment with something to see, without the browser's own controls over it.
SHOW_VIDEOS = """() => Promise.all([...document.querySelectorAll("video")].map(video => new Promise(shown => {
  video.controls = false;
  video.addEventListener("seeked", shown, {once: true});
  video.currentTime = 1;
})))"""


@dataclass(frozen=True)
class Picture:
    """A page as a viewer sees its beginning; names of `example_ids` in braces stand for these."""

    name: str
    path: str
    scheme: Literal["light", "dark"] = "light"
    width: int = DESKTOP
    height: int = 900
    by_administrator: bool = False


PICTURES = [
    Picture("overview", "/"),
    Picture("overview-dark", "/", scheme="dark"),
    Picture("overview-phone", "/", width=PHONE),
    Picture("experiment", "/experiments/{x264}"),
    Picture("curves", "/curves"),
    Picture("compare", "/compare?ids={x264},{av1}"),
    Picture("costs", "/costs"),
    Picture("admin", "/admin.html#monitor", by_administrator=True),
    Picture("admin-start", "/admin.html#start", by_administrator=True),
    Picture("message", "/no-such-page"),
]


def main() -> int:
    """Take all pictures; exit code 2 where that can't be done."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("--port", type=int, default=SANDBOX_PORT, help="the embedded AWS's port (default: %(default)s)")
    try:
        site_url = outputs_of(SANDBOX, parser.parse_args().port)["dashboard_url"].rstrip("/")
        ids = example_ids(site_url)
        with started_chromium() as browser:
            for picture in PICTURES:
                content = reduced(take(browser, picture, site_url, ids))
                (FOLDER / f"{picture.name}.png").write_bytes(content)
                print(f"{len(content) / 1024:6.0f} KiB  {picture.name}.png")  # noqa: T201 what a person asked for
    except (CouldNotLook, NoChromium) as reason:
        sys.stderr.write(f"error: {reason}\n")
        return 2
    return 0


def take(browser: Browser, picture: Picture, site_url: str, ids: Mapping[str, str]) -> bytes:
    """Open the page, and return its picture as PNG."""
    viewport: ViewportSize = {"width": picture.width, "height": picture.height}
    page = browser.new_page(viewport=viewport, color_scheme=picture.scheme, reduced_motion="reduce")
    address = f"{site_url}{picture.path.format(**ids)}"
    if picture.by_administrator:
        sign_in(page, address, HOME)
        page.locator(FILLED).first.wait_for()
    else:
        page.goto(address, wait_until="networkidle")
    page.evaluate(SHOW_VIDEOS)
    content = page.screenshot()
    page.close()
    return content


def reduced(content: bytes) -> bytes:
    """Return a picture with as many colours as its size allows."""
    picture = Image.open(BytesIO(content)).convert("RGB")
    colours = 256
    while len(small := _with_palette(picture, colours)) > LARGEST_BYTES and colours > 2:
        colours //= 2
    return small


def _with_palette(picture: Image.Image, colours: int) -> bytes:
    written = BytesIO()
    picture.quantize(colours, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    sys.exit(main())
