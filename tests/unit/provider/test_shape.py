"""Inputs as the program writes them against the state as AWS tells it: what is a difference, and what is not."""

from typing import Any

import pytest
from botocore.model import DenormalizedStructureBuilder

from sandbox.provider.shape import AWS_DECIDES, Block, Document, Field, Pairs, Text, Values
from sandbox.provider.wire import UNKNOWN

SHAPE = Block(
    {
        "memory": Field(128, aws="MemorySize"),
        "logGroup": Field(AWS_DECIDES, aws="Log.Group"),
        "policy": Document(),
        "methods": [],
        "layers": Values(ordered=True),
        "origins": [{"id": None, "path": ""}],
        "code": None,
        "dimensions": Pairs(),
        "only": {"minTtl": Text()},
    }
)
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def structure(**members: Any) -> Any:
    return {"type": "structure", "members": members}


def listed(member: Any) -> Any:
    return {"type": "list", "member": member}


AWS = (
    DenormalizedStructureBuilder()
    .with_members(
        {
            "MemorySize": NUMBER,
            "Log": structure(Group=TEXT),
            "Policy": TEXT,
            "Methods": structure(Quantity=NUMBER, Items=listed(TEXT)),
            "Layers": listed(TEXT),
            "Origins": structure(Quantity=NUMBER, Items=listed(structure(ID=TEXT, Path=TEXT))),
            "Dimensions": listed(structure(Name=TEXT, Value=TEXT)),
            "Only": listed(structure(MinTTL={"type": "double"})),
        }
    )
    .build_model()
)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        pytest.param({"memory": 128}, {}, set(), id="what is not given is the default"),
        pytest.param({"memory": 256}, {}, {"memory"}, id="no longer given, it goes back to the default"),
        pytest.param({"logGroup": "g"}, {}, set(), id="what AWS decides is no difference"),
        pytest.param({"logGroup": "g"}, {"logGroup": "h"}, {"logGroup"}, id="unless the program decides otherwise"),
        pytest.param({"policy": '{"a": [1]}'}, {"policy": '{"a":[1]}'}, set(), id="JSON is compared by what it says"),
        pytest.param({"policy": '{"a": [1]}'}, {"policy": '{"a":[2]}'}, {"policy"}, id="and differs by it"),
        pytest.param({"methods": ["GET", "HEAD"]}, {"methods": ["HEAD", "GET"]}, set(), id="a set has no order"),
        pytest.param({"layers": ["a", "b"]}, {"layers": ["b", "a"]}, {"layers"}, id="layers have"),
        pytest.param(
            {"origins": [{"id": "a", "path": ""}, {"id": "b"}]},
            {"origins": [{"id": "b"}, {"id": "a"}]},
            set(),
            id="nested objects are told apart by their key",
        ),
        pytest.param({"origins": [{"id": "a"}]}, {"origins": [{"id": "a", "path": "/x"}]}, {"origins"}, id="nested"),
        pytest.param({"origins": [{"id": "a"}]}, {}, {"origins"}, id="all gone"),
        pytest.param({"memory": 128}, {"memory": UNKNOWN}, {"memory"}, id="what is unknown may differ"),
        pytest.param({"origins": []}, {"origins": [{"id": UNKNOWN}]}, {"origins"}, id="so may what is within"),
    ],
)
def test_changes(old: dict[str, Any], new: dict[str, Any], changed: set[str]) -> None:
    assert SHAPE.changes(old, new) == changed


def test_a_request_is_in_the_form_that_aws_takes_and_an_answer_is_read_back() -> None:
    inputs = {
        "memory": 256,
        "logGroup": "g",
        "policy": "{}",
        "methods": ["GET"],
        "layers": [],
        "origins": [{"id": "a"}],
        "dimensions": {"queue": "q"},
        "only": {"minTtl": "3"},
    }
    request = SHAPE.to_aws(inputs, AWS)
    assert request == {
        "MemorySize": 256,
        "Log": {"Group": "g"},
        "Policy": "{}",
        "Methods": {"Quantity": 1, "Items": ["GET"]},
        "Layers": [],
        "Origins": {"Quantity": 1, "Items": [{"ID": "a", "Path": ""}]},
        "Dimensions": [{"Name": "queue", "Value": "q"}],
        "Only": [{"MinTTL": 3.0}],
    }
    assert SHAPE.from_aws(request, AWS) == {**inputs, "origins": [{"id": "a", "path": ""}]}


def test_a_refresh_keeps_the_programs_own_writing_of_what_has_not_changed() -> None:
    given = {"policy": '{"a":1}', "methods": ["HEAD", "GET"], "origins": [{"id": "b"}, {"id": "a"}]}
    actual = {
        "memory": 128,
        "logGroup": "made up by AWS",
        "policy": '{ "a": 1 }',
        "methods": ["GET", "HEAD"],
        "layers": [],
        "origins": [{"id": "a", "path": ""}, {"id": "b", "path": ""}],
    }
    assert SHAPE.as_given(given, actual) == given


def test_a_refresh_takes_over_what_was_changed_by_hand() -> None:
    given = {"policy": "{}", "origins": [{"id": "a"}]}
    actual = {"memory": 512, "policy": None, "origins": [{"id": "a", "path": "/x"}, {"id": "hand", "path": ""}]}
    assert SHAPE.as_given(given, actual) == {
        "memory": 512,
        "origins": [{"id": "a", "path": "/x"}, {"id": "hand", "path": ""}],
    }


def test_unknown_properties_are_named_by_their_path() -> None:
    problems = dict(SHAPE.problems("", {"colour": 1, "origins": [{"id": "a"}, {"size": 2}]}))
    assert problems == {
        "colour": "is not known to the sandbox's provider",
        "origins[1].size": "is not known to the sandbox's provider",
    }


def test_what_only_the_deployment_will_tell_is_no_problem() -> None:
    assert list(SHAPE.problems("", {"origins": UNKNOWN, "memory": UNKNOWN})) == []
