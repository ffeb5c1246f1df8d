"""A new experiment, as it enters the queue."""

from collections.abc import Mapping
from datetime import datetime

from experiments.configuration import CodecConfiguration
from experiments.model import Experiment, Scalar, Status, new_experiment_id


def planned(
    clip: str,
    of_clip: Mapping[str, Scalar],
    configuration: CodecConfiguration,
    now: datetime,
    *,
    name: str = "",
    parent_id: str | None = None,
) -> Experiment:
    """Return an experiment that is to be run, with an id of its own.

    `of_clip` are the parameters that describe its clip. Without a name it is called after what it does. `parent_id`
    names the experiment that it runs again.
    """
    return Experiment(
        id=new_experiment_id(now, configuration.codec),
        name=name or configuration.name_on(clip),
        codec=configuration.codec,
        clip=clip,
        status=Status.QUEUED,
        created_at=now,
        updated_at=now,
        parameters={**configuration.parameters(), **of_clip},
        parent_id=parent_id,
    )
