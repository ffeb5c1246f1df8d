"""The picture that goes with shared links."""

import base64
from io import BytesIO

import pytest
from pages import templates
from PIL import Image

from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, experiment_item


def test_it_is_a_picture_of_the_size_that_is_asked_for(ask: Ask) -> None:
    answer = ask("/social-card")
    assert answer["headers"]["Content-Type"] == "image/png"
    picture = Image.open(BytesIO(base64.b64decode(answer["body"])))
    picture.load()
    assert picture.size == (1200, 630)
    assert len(picture.getcolors() or []) > 4


@pytest.mark.parametrize(
    ("site_url", "found"), [("https://aiv1codec.com/", "https://aiv1codec.com/social-card"), ("", "../social-card")]
)
def test_pages_name_it_by_the_sites_address_where_that_is_known(
    ask: Ask, table: FakeTable, monkeypatch: pytest.MonkeyPatch, site_url: str, found: str
) -> None:
    monkeypatch.setitem(templates._ENVIRONMENT.globals, "site_url", site_url)
    table.hold(experiment_item("e1"))
    assert f'<meta property="og:image" content="{found}">' in ask("/experiments/e1")["body"]
