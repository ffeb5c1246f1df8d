"""The picture that goes with shared links."""

import pytest
from renderer.pages import templates

from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, experiment_item


def test_links_of_old_lead_to_the_picture(ask: Ask) -> None:
    answer = ask("/social-card")
    assert (answer["statusCode"], answer["headers"]["Location"]) == (301, "social-card.png")


@pytest.mark.parametrize(
    ("site_url", "found"),
    [("https://aiv1codec.com/", "https://aiv1codec.com/social-card.png"), ("", "../social-card.png")],
)
def test_pages_name_it_by_the_sites_address_where_that_is_known(
    ask: Ask, table: FakeTable, monkeypatch: pytest.MonkeyPatch, site_url: str, found: str
) -> None:
    monkeypatch.setitem(templates._ENVIRONMENT.globals, "site_url", site_url)
    table.hold(experiment_item("e1"))
    assert f'<meta property="og:image" content="{found}">' in ask("/experiments/e1")["body"]
