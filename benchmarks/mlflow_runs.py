"""Writes runs into MLflow's database, in MLflow's own environment: `python mlflow_runs.py DATABASE_URI RUNS.json`.

All in one transaction: through its API a thousand runs take minutes.
"""

import json
import sys
from pathlib import Path
from typing import Any

from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag  # type: ignore[import-not-found]
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # type: ignore[import-not-found]

DEFAULT_EXPERIMENT = 0


def main() -> None:
    """Write them, the first one as the newest."""
    uri, file = sys.argv[1:]
    store = SqlAlchemyStore(uri, "artifacts")
    experiments = json.loads(Path(file).read_text(encoding="utf-8"))
    with store.ManagedSessionMaker(read_only=False) as session:
        session.add_all(_run(age, experiment) for age, experiment in enumerate(experiments))


def _run(age: int, experiment: dict[str, Any]) -> SqlRun:
    started = 1_800_000_000_000 - 1000 * age
    metrics = [
        {"key": name, "value": value, "timestamp": started, "step": 0, "is_nan": False}
        for name, value in experiment["metrics"].items()
        if value is not None
    ]
    return SqlRun(
        run_uuid=f"{age:032}",
        name=experiment["name"],
        experiment_id=DEFAULT_EXPERIMENT,
        user_id="lab",
        status="FINISHED",
        start_time=started,
        end_time=started + 500,
        lifecycle_stage="active",
        artifact_uri=f"artifacts/{age}",
        tags=[SqlTag(key="mlflow.runName", value=experiment["name"])],
        params=[SqlParam(key=name, value=str(value)) for name, value in experiment["parameters"].items()],
        metrics=[SqlMetric(**metric) for metric in metrics],
        latest_metrics=[SqlLatestMetric(**metric) for metric in metrics],
    )


if __name__ == "__main__":
    main()
