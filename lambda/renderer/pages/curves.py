"""The page of a clip's rate-distortion curves: all that was measured of it, whichever experiments did."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from experiments.model import Experiment
from experiments.rate_distortion import sweeps_by_clip
from web.release import RunningRelease

from renderer.pages.rate_distortion import Choice, Selection, render_plots
from renderer.pages.templates import render

CLIP = "clip"


@dataclass(frozen=True, slots=True)
class CurvesView:
    """All that the page's template needs."""

    clip: str
    choices: Sequence[Choice]
    plots: Sequence[str]
    """HTML; several where the clip comes in several sizes, none where nothing makes a curve."""


def render_curves(
    clips: Sequence[str],
    clip: str,
    experiments: Iterable[Experiment],
    parameters: Mapping[str, str],
    release: RunningRelease,
) -> str:
    """Return the page of a clip's curves.

    Args:
        clips: The names of all clips that have any.
        clip: One of these names; empty where there are none.
        experiments: What was measured of it.
        parameters: The request's, among which may be a metric and a fit.
        release: The build that renders, for the footer.

    """
    selection = Selection.of(sweeps_by_clip(experiments), parameters)
    query = {CLIP: clip, **(selection.query if selection else {})}
    view = CurvesView(
        clip=clip,
        choices=[
            Choice.of("Clip", CLIP, {name: name for name in clips}, query),
            *(selection.choices(query) if selection else []),
        ],
        plots=render_plots(selection, heading_level=2) if selection else [],
    )
    return render("curves.html", view=view, release=release, root="./")


def curves_link(clip: str) -> str:
    """Return the link to the page of a clip's curves, relative to the site's root."""
    return f"curves?{urlencode({CLIP: clip})}"
