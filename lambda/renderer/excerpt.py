"""What lists show of texts that may be long, and as much as the worker writes of them.

An item of DynamoDB has room for 400 KB, and whoever wrote it may have filled that with an error message:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html#limits-items
"""

from dataclasses import replace

from experiments.model import MOST_ERROR_CHARACTERS, MOST_LOG_CHARACTERS, Experiment

CUT = "…"


def excerpt_of(experiment: Experiment) -> Experiment:
    """Return an experiment with the beginning of its error and the end of its log, as a list shows them."""
    error, log_tail = experiment.error, experiment.log_tail
    if len(error) <= MOST_ERROR_CHARACTERS and len(log_tail) <= MOST_LOG_CHARACTERS:
        return experiment
    if len(error) > MOST_ERROR_CHARACTERS:
        error = error[: MOST_ERROR_CHARACTERS - 1] + CUT
    if len(log_tail) > MOST_LOG_CHARACTERS:
        log_tail = CUT + log_tail[1 - MOST_LOG_CHARACTERS :]
    return replace(experiment, error=error, log_tail=log_tail)


def is_cut(experiment: Experiment) -> bool:
    """Tell whether there is more of its error or log than an excerpt holds."""
    return experiment.error.endswith(CUT) or experiment.log_tail.startswith(CUT)
