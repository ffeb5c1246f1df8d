"""The catalogue of codecs, and the validator of its schemas: what JSON Schema says, with every problem named."""

import itertools
from typing import Any

import pytest
from experiments.codec_catalogue import CODECS, CodecEntry
from experiments.jobs.clip_catalogue import CLIPS
from experiments.json_schema import problems_of
from jsonschema import Draft202012Validator

from worker.clips import RECIPES
from worker.codecs import CODECS as PLUGINS

VALUES: list[Any] = [0, 1, -1, 1.5, 2.0, 51, 63, 10**400, float("nan"), True, None, "", "fast", "8", "main", [], {}]


def test_the_worker_has_every_codec_and_clip_of_the_catalogues() -> None:
    assert {codec.name for codec in PLUGINS} == set(CODECS)
    assert list(RECIPES) == list(CLIPS)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())
def test_the_schema_is_valid_and_takes_the_defaults(codec: CodecEntry) -> None:
    Draft202012Validator.check_schema(codec.parameters)
    assert list(problems_of(codec.defaults, codec.parameters)) == []
    codec.check(codec.configuration(codec.defaults))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS.keys())
def test_the_validator_agrees_with_jsonschema(codec: CodecEntry) -> None:
    reference = Draft202012Validator(codec.parameters)
    asked: list[Any] = [*VALUES, {"preset": "fast"}, {"preset": codec.preset, "quality": 1, "options": []}]
    asked += [{"preset": preset, "quality": quality} for preset, quality in itertools.product(VALUES, VALUES)]
    for option in (*codec.options, "i"):
        asked += [codec.defaults | {"options": {option: value}} for value in VALUES]
    accepted = 0
    for value in asked:
        fits = not list(problems_of(value, codec.parameters))
        accepted += fits
        assert fits == reference.is_valid(value) or "nan" in str(value), value
    assert 0 < accepted < len(asked)


@pytest.mark.parametrize("text", ["a\x00", "\ud800", "line\nbreak", "\x7f"])
def test_text_that_cannot_be_shown_is_refused(text: str) -> None:
    assert [problem.path for problem in problems_of({"a/b": [text]}, NAMED)] == ["/a~1b/0"]


NAMED = {"type": "object", "properties": {"a/b": {"type": "array", "items": {"type": "string"}}}}
