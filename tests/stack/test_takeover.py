"""The old site is taken over while people visit it: forth, back and forth again, killed on the way, and its end.

`python -m benchmarks takeover` does the same with 5,000 experiments and ten kills. `KILLS_SEED=<seed>` repeats a run.
"""

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from experiments.model import Experiment, Status

from tests.old_site import DOMAIN
from tests.takeover_rehearsal import Kills, Rehearsal, Visitors

SEED = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(10**6))
EXPERIMENTS = 60


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    prepared = Rehearsal.prepare(tmp_path / "project", EXPERIMENTS)
    yield prepared
    prepared.close()


def test_the_old_site_is_taken_over_and_back_without_a_gap(rehearsal: Rehearsal) -> None:
    old, kills = rehearsal.old, Kills(rehearsal, random.Random(SEED))
    untouched = old.description()
    assert "Nothing was done now" in rehearsal.run()
    assert not (rehearsal.project.folder / ".takeover").exists()
    assert "make takeover STEP=find" in rehearsal.run("move", exit_code=1)

    with Visitors(rehearsal, count=1) as visitors:
        kills.forth_for_the_first_time(1, within_seconds=20)
        rehearsal.repository.put(Experiment(id="made-here", created_at=datetime.now(UTC), status=Status.QUEUED))
        assert old.description() == untouched
        assert rehearsal.project.up() == set()

        old.record(EXPERIMENTS, 5)
        untouched = old.description()
        kills.back_and_forth(2)
        assert old.description() == untouched
        assert rehearsal.holder() == "new"
        assert rehearsal.lost() == []
        assert rehearsal.repository.get("made-here") is not None
        assert kills.resumed == len(kills.killed) == 3, f"KILLS_SEED={SEED}: {kills.killed}"

        assert "nothing was removed" in rehearsal.run("--remove-old", typed="example.org\n", exit_code=1)
        assert old.description() == untouched
        rehearsal.run("--remove-old", typed=f"{DOMAIN}\n")
        assert not any(old.is_there().values())
        assert "no way back" in rehearsal.run("--back", exit_code=1)
    assert visitors.failures == [], f"KILLS_SEED={SEED}: {kills.killed}"
    assert visitors.seen.keys() == {"old", "new"}
    assert rehearsal.lost() == []
    assert rehearsal.project.up() == set()


def test_the_old_site_stays_until_users_get_a_release_of_the_new_one(rehearsal: Rehearsal) -> None:
    rehearsal.run("find", "check", "deploy")
    untouched = rehearsal.old.description()
    refused = rehearsal.run("--remove-old", typed=f"{DOMAIN}\n", exit_code=1)
    assert f"Users don't get a release of this stack at {DOMAIN}" in refused
    assert rehearsal.old.description() == untouched
    assert rehearsal.holder() == "old"
    # Nothing moves by a deployment, whatever its configuration says of who has the domain.
    rehearsal.project.configure(domainAlias=True)
    assert "CNAMEAlreadyExists" in rehearsal.project.fail("up")
    assert rehearsal.old.leads_to() == {rehearsal.old.distribution_name}
