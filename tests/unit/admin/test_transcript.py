"""What a model is sent of a conversation: the newest that fits, in an order that Amazon Bedrock accepts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from admin.chat.store import Conversation, ConverseMessage
from admin.chat.transcript import MOST_CHARACTERS, as_result, sent, tool_result
from admin.chat_documents import Action, Proposal, ProposalState

from tests.scripted_model import assert_acceptable, text, use

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def conversation(*contents: tuple[str, Sequence[dict[str, Any]]], proposals: Sequence[Proposal] = ()) -> Conversation:
    """A conversation of messages by `asks` (a question), `says` (the model) or `finds` (its tools)."""
    messages = [
        ConverseMessage(
            number=number,
            role="assistant" if who == "says" else "user",
            content=content,
            at=NOW,
            key="key" if who == "asks" else "",
        )
        for number, (who, content) in enumerate(contents, start=1)
    ]
    return Conversation(id="c", length=len(messages), messages=tuple(messages), proposals=tuple(proposals))


def as_bedrock_gets_it(found: Conversation) -> list[dict[str, Any]]:
    messages = [{"role": message.role, "content": list(message.content)} for message in sent(found)]
    assert_acceptable(messages)
    return messages


def result_of(block: dict[str, Any], **found: Any) -> list[dict[str, Any]]:
    return [tool_result(block["toolUse"]["toolUseId"], found)]


def test_a_tool_whose_result_was_lost_is_told_so_and_the_conversation_goes_on() -> None:
    lost = use("costs")
    for found in (
        conversation(("asks", text("Cost?")), ("says", [lost]), ("asks", text("And now?"))),
        conversation(("asks", text("Cost?")), ("says", [lost])),
    ):
        results = [block for block in as_bedrock_gets_it(found)[-1]["content"] if "toolResult" in block]
        assert "lost" in results[0]["toolResult"]["content"][0]["json"]["error"]


def test_a_question_that_was_never_answered_is_asked_with_the_next() -> None:
    messages = as_bedrock_gets_it(conversation(("asks", text("One?")), ("asks", text("Two?"))))
    assert messages == [{"role": "user", "content": text("One?") + text("Two?")}]


def test_old_questions_are_left_out_whole_and_the_last_one_never() -> None:
    old, new = use("costs"), use("costs")
    long = "x" * (MOST_CHARACTERS // 2)
    found = conversation(
        ("asks", text("Oldest?")),
        ("says", [old]),
        ("finds", result_of(old, text=long)),
        ("says", text("Much.")),
        ("asks", text("Newest?")),
        ("says", [new]),
        ("finds", result_of(new, text=long)),
    )
    messages = as_bedrock_gets_it(found)
    assert messages[0]["content"] == text("Newest?")
    assert messages[-1]["content"] == result_of(new, text=long)


def test_of_a_long_answer_the_oldest_results_are_left_out() -> None:
    uses = [use("read_log") for _ in range(6)]
    steps = [step for each in uses for step in (("says", [each]), ("finds", result_of(each, text="x" * 30_000)))]
    messages = as_bedrock_gets_it(conversation(("asks", text("Why?")), *steps))
    results = [each["content"][0]["toolResult"]["content"][0]["json"] for each in messages[2::2]]
    assert ["left_out" in result for result in results] == [True, True, True, True, False, False]


def test_what_lost_its_question_to_expiry_is_left_out() -> None:
    orphan = use("costs")
    found = conversation(("finds", result_of(orphan)), ("says", text("Much.")), ("asks", text("And now?")))
    assert as_bedrock_gets_it(found) == [{"role": "user", "content": text("And now?")}]


def test_the_model_is_told_what_has_become_of_its_proposals() -> None:
    proposes = use("propose_stop", id="e1")
    proposal = Proposal(id="p1", action=Action.STOP, arguments={"id": "e1"}, summary="Stop e1")
    done = Proposal(
        id="p1", action=Action.STOP, arguments={"id": "e1"}, summary="Stop e1", state=ProposalState.DONE, detail="Done."
    )
    found = conversation(
        ("asks", text("Stop it")),
        ("says", [proposes]),
        ("finds", result_of(proposes, **as_result(proposal))),
        ("says", text("Shall I?")),
        ("asks", text("I have confirmed it")),
        proposals=[done],
    )
    result = as_bedrock_gets_it(found)[2]["content"][0]["toolResult"]["content"][0]["json"]
    assert (result["state"], result["detail"]) == ("done", "Done.")
