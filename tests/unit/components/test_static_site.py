"""What browsers get from S3: the files in git, and what is drawn for them."""

import hashlib
from pathlib import Path

from PIL import Image

from components.static_site import SOCIAL_CARD_KEY, site_files
from tests.project_copy import ROOT


def card() -> Path:
    return dict(site_files(ROOT / "dashboard"))[SOCIAL_CARD_KEY]


def test_the_social_card_is_a_picture_of_the_size_that_is_asked_for() -> None:
    with Image.open(card()) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.size == (1200, 630)
        assert len(picture.getcolors() or []) > 4


def test_the_social_card_is_the_same_on_every_machine() -> None:
    assert (
        hashlib.sha256(card().read_bytes()).hexdigest()
        == "4ed5a815e4ff6a9f8e9f6ae6b33dcc91b6c52eb5e61f81e7e4ccabeffe3394ef"
    )
