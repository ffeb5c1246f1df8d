"""What the model may propose, and how it happens: only if its user confirms it, exactly as stated, and once.

The model's tools here do nothing but check an action and put it before the user. What the user confirms goes through
the same functions as a request of the API, with a key made of the proposal's id, so that carrying it out again after a
crash starts nothing twice.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from experiments.codec_catalogue import CODECS
from experiments.jobs.clip_catalogue import CLIPS
from experiments.jobs.lifecycle import IllegalChangeError, is_under_way
from experiments.json_schema import Schema
from experiments.model import Experiment

from admin.chat.store import ConversationStore, TakenError
from admin.chat.tools import ID, Lab, Result, Tool, ToolError
from admin.chat_documents import Action, Decision, Proposal, ProposalState
from admin.control import CHAT, Control, KeySpentError
from admin.requests import InvalidRequestError, RefusalError, StartRequest

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Proposals:
    """The proposals of a user's conversations, and what carries them out."""

    store: ConversationStore
    control: Control

    def decide(
        self, user: str, conversation_id: str, proposal_id: str, decision: Decision, name: str, now: datetime
    ) -> Proposal:
        """Carry a proposal out as the user of that name, or see that it never is; returns it as it is then.

        One that is decided stays as it is. Errors of the service are the caller's to handle; after them it is still
        open.

        Raises:
            RefusalError: the user has no such proposal, or another request is deciding it.
        """
        found = self._find(user, conversation_id, proposal_id)
        if found.state is not ProposalState.OPEN:
            return found
        try:
            held_until = self.store.hold_proposal(user, conversation_id, found, now)
        except TakenError:
            return self._meanwhile(user, conversation_id, proposal_id)
        settled = found
        try:
            settled = self._decided(found, decision, name)
        finally:
            # After an error of the service it is as open as it was.
            self._settle(user, conversation_id, settled, held_until)
        return settled

    def _find(self, user: str, conversation_id: str, proposal_id: str) -> Proposal:
        found = self.store.proposal(user, conversation_id, proposal_id)
        if found is None:
            raise RefusalError(HTTPStatus.NOT_FOUND, "No such proposal", "Its conversation may have been deleted.")
        return found

    def _meanwhile(self, user: str, conversation_id: str, proposal_id: str) -> Proposal:
        found = self._find(user, conversation_id, proposal_id)
        if found.state is ProposalState.OPEN:
            advice = "Another request is at it. Look again in a minute."
            raise RefusalError(HTTPStatus.CONFLICT, "The proposal is being decided", advice)
        return found

    def _settle(self, user: str, conversation_id: str, settled: Proposal, held_until: int) -> None:
        try:
            self.store.settle(user, conversation_id, settled, held_until)
        except TakenError:
            # Its conversation has been deleted meanwhile.
            return

    def _decided(self, proposal: Proposal, decision: Decision, name: str) -> Proposal:
        if decision is Decision.REFUSE:
            return replace(proposal, state=ProposalState.REFUSED)
        try:
            done = _CARRY_OUT[proposal.action](self.control, proposal, name)
        except (IllegalChangeError, InvalidRequestError, KeySpentError) as error:
            return replace(proposal, state=ProposalState.FAILED, detail=_sentence(str(error)))
        detail = f"{_DONE[proposal.action]} {_named(done)}."
        return replace(proposal, state=ProposalState.DONE, detail=detail, experiment_id=done.id)


def _start(control: Control, proposal: Proposal, name: str) -> Experiment:
    return control.start(StartRequest.from_document(proposal.arguments), _key(proposal), name, CHAT).experiment


def _stop(control: Control, proposal: Proposal, name: str) -> Experiment:
    return control.stop(proposal.arguments["id"], name, CHAT)


def _rerun(control: Control, proposal: Proposal, name: str) -> Experiment:
    asked = proposal.arguments
    return control.rerun(asked["id"], asked.get("parameters"), _key(proposal), name, CHAT).experiment


_CARRY_OUT: dict[Action, Callable[[Control, Proposal, str], Experiment]] = {
    Action.START: _start,
    Action.STOP: _stop,
    Action.RERUN: _rerun,
}
_DONE = {Action.START: "Started", Action.STOP: "Told to stop:", Action.RERUN: "Started"}


def _propose_start(_lab: Lab, asked: Mapping[str, Any]) -> Proposal:
    try:
        request = StartRequest.from_document(asked)
    except InvalidRequestError as error:
        raise ToolError(str(error)) from None
    named = f", named “{request.name}”" if request.name else ""
    summary = f"Start an experiment: {request.codec} on {request.clip}, {_written(request.parameters)}{named}"
    return _proposed(Action.START, asked, summary)


def _propose_stop(lab: Lab, asked: Mapping[str, Any]) -> Proposal:
    experiment = lab.experiment(asked["id"])
    if not is_under_way(experiment):
        raise ToolError(f"it can't be stopped: it is {experiment.status}")
    return _proposed(Action.STOP, asked, f"Stop {_named(experiment)}", experiment.id)


def _propose_rerun(lab: Lab, asked: Mapping[str, Any]) -> Proposal:
    experiment = lab.experiment(asked["id"])
    if is_under_way(experiment):
        raise ToolError(f"it has not ended: it is {experiment.status}")
    how = "as it was"
    if "parameters" in asked:
        codec = CODECS.get(experiment.codec)
        if codec is None:
            raise ToolError(f"its codec {experiment.codec!r} is not available any more")
        if problems := list(codec.validator.problems(asked["parameters"], "/parameters")):
            raise ToolError(str(InvalidRequestError(problems)))
        how = f"with {_written(asked['parameters'])}"
    return _proposed(Action.RERUN, asked, f"Run {_named(experiment)} again, {how}", experiment.id)


def _list_codecs(_lab: Lab, _asked: Mapping[str, Any]) -> Result:
    return {
        "codecs": [
            {"name": name, "title": codec.title, "parameters": codec.parameters["properties"]}
            for name, codec in CODECS.items()
        ],
        "clips": [{"name": name, "title": clip.title} for name, clip in CLIPS.items()],
    }


def _proposed(action: Action, arguments: Mapping[str, Any], summary: str, experiment_id: str | None = None) -> Proposal:
    return Proposal(
        id=secrets.token_hex(8), action=action, arguments=arguments, summary=summary, experiment_id=experiment_id
    )


def _named(experiment: Experiment) -> str:
    return f"{experiment.name[:LONGEST_NAME]} ({experiment.id})"


def _key(proposal: Proposal) -> str:
    return f"chat-{proposal.id}"


def _written(parameters: Mapping[str, Any]) -> str:
    """Write parameters in words, e.g. `preset medium, quality 28`."""
    plain = {name: value for name, value in parameters.items() if not isinstance(value, Mapping)}
    for options in (value for value in parameters.values() if isinstance(value, Mapping)):
        plain |= options
    return ", ".join(f"{name} {value}" for name, value in plain.items())


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}."


_PARAMETERS: Schema = {
    "type": "object",
    "description": "preset, quality and options, by the codec's schema, which list_codecs gives.",
}

PROPOSERS = {
    "list_codecs": Tool(
        "The codecs and clips that experiments can be started with, and what the parameters of each codec may be.",
        {},
        (),
        _list_codecs,
    ),
    "propose_start": Tool(
        "Propose to start a new experiment. It starts only if the person confirms it.",
        {
            "codec": {"type": "string"},
            "clip": {"type": "string"},
            "parameters": _PARAMETERS,
            "name": {"type": "string", "maxLength": LONGEST_NAME, "description": "What to call it; usually left out."},
        },
        ("codec", "clip", "parameters"),
        _propose_start,
    ),
    "propose_stop": Tool(
        "Propose to stop an experiment that is queued or running. It is stopped only if the person confirms it.",
        {"id": ID},
        ("id",),
        _propose_stop,
    ),
    "propose_rerun": Tool(
        "Propose to run an experiment that has ended again. It is run only if the person confirms it.",
        {"id": ID, "parameters": {**_PARAMETERS, "description": "All of them, where they are to be others."}},
        ("id",),
        _propose_rerun,
    ),
}
