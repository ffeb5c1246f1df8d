"""Adds made-up experiments to the sandbox's table, to try the dashboard with many of them: `make demo-data N=100000`.

    python -m operations.demo_data --count 100000

They look like a year's work of a lab, follow a plausible rate-distortion curve, have no files, and are the same each
time: run again, they replace each other.
"""

import argparse
import random
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from experiments.attribute_values import item_to_attribute_values
from experiments.metrics import Metrics, RDPoint
from experiments.model import Artefacts, Experiment, Status

from operations.recount import recount
from operations.stack import configuration, outputs_of
from releasing.aws_connection import PATIENCE, connected
from releasing.project import SANDBOX, SANDBOX_PORT, CouldNotLook
from worker.experiment import G4DN_XLARGE_USD_PER_HOUR

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
BATCH = 25
WRITERS = 2
YEAR = timedelta(days=365)

CLIPS = ("akiyo", "bosphorus", "crowd-run", "foreman", "jockey", "park-joy")
CRFS = (16, 22, 28, 34, 40, 46)
PRESETS = ("fast", "medium", "slow")
# How much bitrate a codec saves against the first, and how many times longer it takes.
CODECS = {"x264": (1.0, 1.0), "x265": (0.65, 3.0), "vp9": (0.7, 4.0), "av1": (0.5, 6.0)}
STATUSES = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
CHANCES = (95, 4, 1)
RUNNING = 3
FRAMES = 500


def main() -> int:
    """Write them; exit code 2 where the sandbox isn't there."""
    arguments = _parse_arguments()
    try:
        table = outputs_of(SANDBOX, arguments.port)["table_name"]
        client = connected("dynamodb", configuration(SANDBOX, arguments.port), PATIENCE)
        fill(table, client, arguments.count)
    except (CouldNotLook, ClientError, BotoCoreError) as reason:
        sys.stderr.write(f"error: {reason}\n")
        return 2
    sys.stdout.write(f"The sandbox has {arguments.count:,} made-up experiments.\n")
    return 0


def fill(table: str, client: "DynamoDBClient", count: int) -> None:
    """Write so many experiments, and count all that the table then has.

    Raises:
        ClientError, BotoCoreError: the table can't be read or written.

    """
    now = datetime.now(UTC)
    batches = [range(first, min(first + BATCH, count)) for first in range(0, count, BATCH)]
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(
            lambda batch: _write(table, client, [_made_up(number, count, now) for number in batch]), batches
        ):
            pass
    recount(table, client)


def _write(table: str, client: "DynamoDBClient", experiments: Iterable[Experiment]) -> None:
    requests: Any = {table: [{"PutRequest": {"Item": item_to_attribute_values(one.to_item())}} for one in experiments]}
    while requests:
        requests = client.batch_write_item(RequestItems=requests)["UnprocessedItems"]


def _made_up(number: int, count: int, now: datetime) -> Experiment:
    """Return an experiment; the higher its number, the older it is."""
    chance = random.Random(number)  # noqa: S311 it only has to be the same each time
    codec, clip = chance.choice(tuple(CODECS)), chance.choice(CLIPS)
    crf, preset = chance.choice(CRFS), chance.choice(PRESETS)
    created = now - YEAR * number / count
    started = created + timedelta(seconds=chance.uniform(1, 60))
    planned = Experiment(
        id=f"demo-{number:07}",
        name=f"{clip} · {codec} · CRF {crf}",
        codec=codec,
        clip=clip,
        status=Status.RUNNING if number < RUNNING else chance.choices(STATUSES, CHANCES)[0],
        created_at=created,
        updated_at=started,
        started_at=started,
        parameters={
            "preset": preset,
            "rate_control": "crf",
            "crf": crf,
            "threads": 1,
            "clip": clip,
            "width": 1280,
            "height": 720,
            "fps": 50,
            "frames": FRAMES,
            "pixel_format": "yuv420p",
        },
        worker=f"demo-{chance.randrange(4)}",
        attempt=1,
    )
    if planned.status is Status.RUNNING:
        return replace(planned, progress=round(chance.random(), 2))
    return _ended(planned, chance)


def _ended(experiment: Experiment, chance: random.Random) -> Experiment:
    metrics = _measured(experiment, chance)
    seconds = metrics.encode_seconds or 0
    ended = (experiment.started_at or datetime.now(UTC)) + timedelta(seconds=seconds)
    common = replace(
        experiment, updated_at=ended, finished_at=ended, cost_usd=round(seconds / 3600 * G4DN_XLARGE_USD_PER_HOUR, 8)
    )
    if experiment.status is not Status.SUCCEEDED:
        error = "the encoder ran out of memory" if experiment.status is Status.FAILED else ""
        return replace(common, metrics=Metrics(encode_seconds=seconds), error=error)
    point = RDPoint(
        bitrate_kbps=metrics.bitrate_kbps or 0,
        psnr_db=metrics.psnr_db,
        ssim=metrics.ssim,
        vmaf=metrics.vmaf,
        label=f"CRF {experiment.parameters['crf']}",
    )
    stored = Artefacts(stored_bytes=metrics.encoded_bytes)
    return replace(common, metrics=metrics, rd_points=(point,), artefacts=stored)


def _measured(experiment: Experiment, chance: random.Random) -> Metrics:
    """Six steps of CRF halve the bitrate, and take about three decibels (https://trac.ffmpeg.org/wiki/Encode/H.264)."""
    crf, seconds = float(experiment.parameters["crf"]), FRAMES / 50
    rate, slowness = CODECS[experiment.codec]
    harder = 1 + CLIPS.index(experiment.clip) / 2
    bitrate = 12_000 * harder * rate * 2 ** ((16 - crf) / 6) * chance.uniform(0.98, 1.02)
    psnr = 48 - harder - (crf - 16) / 2 + chance.uniform(-0.1, 0.1)
    encoded, raw = int(bitrate * 125 * seconds), FRAMES * 1280 * 720 * 3 // 2
    encode_seconds = round(seconds * slowness * (1 + PRESETS.index(str(experiment.parameters["preset"]))), 3)
    return Metrics(
        psnr_db=psnr,
        psnr_y_db=psnr - 0.5,
        psnr_u_db=psnr + 2,
        psnr_v_db=psnr + 2.5,
        ssim=1 - 0.004 * harder * 2 ** ((crf - 16) / 8),
        vmaf=max(100 - (crf - 16) * harder, 0),
        bitrate_kbps=round(bitrate, 3),
        compression_ratio=round(raw / encoded, 3),
        encode_seconds=encode_seconds,
        encode_fps=round(FRAMES / encode_seconds, 2),
        duration_seconds=seconds,
        encoded_bytes=encoded,
        raw_bytes=raw,
    )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations.demo_data", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=_count, default=1000, help="how many experiments (default: %(default)s)")
    parser.add_argument("--port", type=int, default=SANDBOX_PORT, help="the embedded AWS's port (default: %(default)s)")
    return parser.parse_args()


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= 1_000_000:
        raise argparse.ArgumentTypeError("a number from 1 to 1000000")
    return count


if __name__ == "__main__":
    sys.exit(main())
