"""What a listing shows: experiments that are all that is asked for."""

import pytest
from experiments.criteria import Criteria
from experiments.metrics import Metrics
from experiments.model import Experiment, Status
from experiments.quality import Quality

EXPERIMENT = Experiment(
    id="20261124-061256-x265-9f86d081",
    name="Mandelbrot-Zoom · x265 · CRF 28",
    codec="x265",
    status=Status.FAILED,
    metrics=Metrics(psnr_db=36, ssim=0.96),
    worker="gpu-7",
    error="the upload broke off",
)


@pytest.mark.parametrize(
    "criteria",
    [
        Criteria(),
        Criteria(status=Status.FAILED, codec="x265", quality=Quality.GOOD, text="crf mandelbrot"),
        Criteria(text="9F86D081"),
        Criteria(text="GPU-7"),
        Criteria(text="  broke   upload "),
    ],
)
def test_an_experiment_that_is_all_that_is_asked_for_is_shown(criteria: Criteria) -> None:
    assert criteria.match(EXPERIMENT)


@pytest.mark.parametrize(
    "criteria",
    [
        Criteria(status=Status.RUNNING),
        Criteria(codec="x264"),
        Criteria(quality=Quality.EXCELLENT),
        Criteria(text="crf 29"),
        Criteria(status=Status.FAILED, codec="X265"),
    ],
)
def test_an_experiment_that_is_something_else_is_not(criteria: Criteria) -> None:
    assert not criteria.match(EXPERIMENT)


def test_an_experiment_without_metrics_has_no_badge_to_be_found_by() -> None:
    assert not any(Criteria(quality=badge).match(Experiment(id="bare")) for badge in Quality)
