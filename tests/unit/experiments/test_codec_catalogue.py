"""The catalogue of codecs, and the validator of its schemas: what JSON Schema says, with every problem named."""

import itertools
from typing import Any

import pytest
from experiments.codec_catalogue import CODECS, CodecEntry
from experiments.jobs.clip_catalogue import CLIPS
from experiments.json_schema import Validator
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
    assert list(codec.validator.problems(codec.defaults)) == []
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
        fits = not list(codec.validator.problems(value))
        accepted += fits
        assert fits == reference.is_valid(value) or "nan" in str(value), value
    assert 0 < accepted < len(asked)


@pytest.mark.parametrize("text", ["a\x00", "\ud800", "line\nbreak", "\x7f"])
def test_text_that_cannot_be_shown_is_refused(text: str) -> None:
    assert [problem.path for problem in Validator(NAMED).problems({"a/b": [text]})] == ["/a~1b/0"]


NAMED = {"type": "object", "properties": {"a/b": {"type": "array", "items": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "at / has uniqueItems"),
        ({"type": "object", "properties": {"ids": {"type": "array", "contains": {}}}}, "at /ids has contains"),
        ({"type": "array", "items": {"type": "string", "minimum": 1}}, "at /items has minimum"),
        ({"type": ["string", "null"]}, "at / has the type"),
        ({"enum": [1]}, "at / has the type None"),
    ],
)
def test_a_schema_that_would_be_checked_in_part_is_refused(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Validator(schema)


@pytest.mark.parametrize("options", [{"y": {"type": "string", "format": "uri"}}, {"y": {}}])
def test_a_codec_whose_schema_would_be_checked_in_part_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at /options/y"):
        CodecEntry(name="c", title="C", presets=["p"], preset="p", quality={"type": "number"}, options=options)


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "integer", "minimum": 0}, -1, "must be at least 0"),
        ({"type": "number", "maximum": 51}, 52, "must be at most 51"),
        ({"type": "number", "minimum": 0, "maximum": 51}, 51.5, "must be from 0 to 51"),
        ({"type": "string", "minLength": 2}, "a", "must have at least 2 characters"),
        ({"type": "string", "maxLength": 2}, "abc", "must have at most 2 characters"),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
            [1],
            "must have 2 to 3 elements",
        ),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1], "must have at least 2 elements"),
    ],
)
def test_a_limit_is_told_in_plain_words(schema: dict[str, Any], value: object, message: str) -> None:
    (problem,) = Validator(schema).problems(value)
    assert problem.message.startswith(message)
    assert not Draft202012Validator(schema).is_valid(value)
