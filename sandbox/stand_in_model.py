"""What answers in the sandbox's chat, where there is no language model: it knows a few words, and uses the real tools.

So the chat can be tried out, and tested in the browser, with all that is around the model. It runs in the emulator's
process, whose Converse API hands it each conversation (ministack_process.py), and is given nothing else to remember.
"""

import json
import re
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]
Use = tuple[str, dict[str, Any]]
"""A tool and its arguments."""
Steps = Generator[Use, Result, str]
"""Uses tools, is sent their results, and returns what to say."""

PREFACE = "I am the sandbox's stand-in, not a language model."
WORDS = "list, inspect, compare, costs, log, start, stop and again"
ID = re.compile(r"\b(?:\d{8}-\d{6}|sample)-[a-z0-9-]+")
STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")
# JSON has about so many characters to a token.
CHARACTERS_PER_TOKEN = 4


def openai_message(
    _model: str, messages: Sequence[Mapping[str, Any]], _system: Any, _inference: Any, tools: Any = None
) -> tuple[dict[str, Any], tuple[int, int]]:
    """Answer in the place of ministack's proxy: with a message in OpenAI's shape, and about how many tokens it took."""
    said = next_message(messages)
    message: dict[str, Any] = {"role": "assistant", "content": said if isinstance(said, str) else None}
    if not isinstance(said, str):
        name, arguments = said
        function = {"name": name, "arguments": json.dumps(arguments)}
        message["tool_calls"] = [{"id": f"use_{uuid.uuid4().hex}", "type": "function", "function": function}]
    return message, (_tokens([messages, tools]), _tokens(message))


def next_message(messages: Sequence[Mapping[str, Any]]) -> str | Use:
    """Return what to say to the last question, or which tool to use first."""
    question, results = _last_question(messages)
    steps = _steps(question)
    try:
        use = next(steps)
        for result in results:
            if "error" in result:
                return f"{PREFACE} That can't be done: {result['error']}."
            use = steps.send(result)
    except StopIteration as end:
        return f"{PREFACE} {end.value}"
    return use


def _last_question(messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[Result]]:
    """Return the last question, and what the tools have returned since."""
    question = ""
    results: list[Result] = []
    for block in (block for message in messages if message["role"] == "user" for block in message["content"]):
        if "text" in block:
            question, results = block["text"], []
        elif "toolResult" in block:
            results.append(block["toolResult"]["content"][0]["json"])
    return question, results


def _steps(question: str) -> Steps:
    words = question.lower()
    for pattern, steps in _INTENTS.items():
        if re.search(pattern, words):
            return steps(words)
    return _explain(words)


def _list(words: str) -> Steps:
    found = yield "list_experiments", _criteria(words)
    return "\n".join(["The newest experiments:", *map(_line, found.get("experiments", []))])


def _inspect(words: str) -> Steps:
    experiment_id = yield from _one(words)
    found = yield "inspect_experiment", {"id": experiment_id}
    return f"All that is recorded of {found.get('name')}:\n{json.dumps(found, indent=1, ensure_ascii=False)}"


def _compare(words: str) -> Steps:
    ids = ID.findall(words)
    if len(ids) < 2:
        found = yield "list_experiments", {**_criteria(words), "status": "succeeded", "limit": 30}
        ids = _on_one_clip(found.get("experiments", []))
    if len(ids) < 2:
        return "There are no two experiments on one clip to compare."
    compared = yield "compare_experiments", {"ids": ids[:6]}
    lines = [f"Compared by {compared['metric']}: {', '.join(each['name'] for each in compared['experiments'])}."]
    for clip in compared["clips"]:
        lines += [_difference(clip["clip"], each) for each in clip["comparisons"]]
    return "\n".join(lines)


def _cost(_words: str) -> Steps:
    found = yield "costs", {}
    months = [f"{month['month']}: {month.get('total', 0):.4f} USD" for month in found.get("months", [])]
    return "\n".join(["What the lab has spent:", *months]) if months else "Nothing is recorded yet."


def _log(words: str) -> Steps:
    experiment_id = yield from _one(words)
    found = yield "read_log", {"id": experiment_id, "limit": 10}
    lines = [line.get("text", "") for line in reversed(found.get("newest_first", []))]
    return "\n".join([f"The end of the log of {experiment_id}:", *lines]) if lines else "Its log is empty."


def _start(words: str) -> Steps:
    known = yield "list_codecs", {}
    codec = next((each for each in known["codecs"] if each["name"] in words), known["codecs"][0])
    clip = next((each for each in known["clips"] if each["name"] in words), known["clips"][0])
    quality = re.search(r"(?:crf|quality)\D{0,4}(\d+)", words)
    parameters = {
        "preset": codec["parameters"]["preset"]["default"],
        "quality": int(quality[1]) if quality else codec["parameters"]["quality"]["default"],
    }
    proposed = yield "propose_start", {"codec": codec["name"], "clip": clip["name"], "parameters": parameters}
    return _proposed(proposed)


def _stop(words: str) -> Steps:
    return _proposed((yield "propose_stop", {"id": (yield from _one(f"{words} running"))}))


def _again(words: str) -> Steps:
    return _proposed((yield "propose_rerun", {"id": (yield from _one(words))}))


def _explain(_words: str) -> Steps:
    yield from ()
    return f"I know the words {WORDS}, statuses, codecs and the ids of experiments. Set chatModel for a real one."


_INTENTS: dict[str, Callable[[str], Steps]] = {
    r"\bstop\b": _stop,
    r"\bagain\b|\bre-?run\b": _again,
    r"\bstart\b": _start,
    r"\blogs?\b": _log,
    r"\bcompare\b|\bbd-rate\b": _compare,
    r"\bcosts?\b|\bspen[dt]\b": _cost,
    r"\binspect\b|\bwhy\b|\bdetails?\b": _inspect,
    r"\blist\b|\bexperiments?\b|\bnewest\b": _list,
}


def _one(words: str) -> Generator[Use, Result, str]:
    """Return the id that is named, or that of the newest experiment of the kind."""
    if ids := ID.findall(words):
        return str(ids[0])
    found = yield "list_experiments", {**_criteria(words), "limit": 1}
    return str(found["experiments"][0]["id"]) if found.get("experiments") else "none"


def _criteria(words: str) -> dict[str, Any]:
    status = next((each for each in STATUSES if each in words), None)
    codec = re.search(r"\b(x264|x265|vp9|av1)\b", words)
    return ({"status": status} if status else {}) | ({"codec": codec[1]} if codec else {})


def _on_one_clip(experiments: Sequence[Result]) -> list[str]:
    """Return the newest experiment of each codec on the newest one's clip."""
    by_codec = {each["codec"]: each["id"] for each in reversed(experiments) if each["clip"] == experiments[0]["clip"]}
    return list(by_codec.values())


def _line(experiment: Result) -> str:
    measured = [f"{experiment[name]:.4g} {unit}" for name, unit in _UNITS.items() if name in experiment]
    return " · ".join([experiment["name"], experiment["status"], *measured, experiment["id"]])


_UNITS = {"psnr_db": "dB", "bitrate_kbps": "kbps", "cost_usd": "USD"}


def _difference(clip: str, found: Result) -> str:
    named = f"{clip}: {found['test']} against {found['anchor']}"
    if "not_comparable" in found:
        return f"{named}: {found['not_comparable']}"
    return f"{named}: BD-rate {found['bd_rate_percent']:+.1f} %"


def _proposed(proposal: Result) -> str:
    return f"I propose: {proposal['action']}. It happens only if you confirm it."


def _tokens(value: object) -> int:
    return len(json.dumps(value, default=str)) // CHARACTERS_PER_TOKEN
