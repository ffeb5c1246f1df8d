"""How long something takes, run after run."""

import time
from collections.abc import Callable

WARM_UP = 20


def in_turn(
    *actions: Callable[[], object], runs: int, before: Callable[[], object] = lambda: None, warm_up: int = WARM_UP
) -> list[list[float]]:
    """Return the milliseconds of each action's runs, after a warm-up.

    The actions take turns, so that whatever else the machine does slows all of them alike. What is done `before` each
    run isn't measured.
    """
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(warm_up + runs):
        for action, taken in zip(actions, times, strict=True):
            before()
            began = time.perf_counter()
            action()
            taken.append(1000 * (time.perf_counter() - began))
    return [taken[warm_up:] for taken in times]
