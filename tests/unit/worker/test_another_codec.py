"""The codec that docs/worker.md adds as an example: run as it stands there, in an environment of its own."""

import importlib
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from experiments import codec_catalogue
from experiments.configuration import CodecConfiguration
from experiments.model import Status

from sandbox.sample_jobs import plan, start
from tests.project_copy import ROOT
from worker import codecs
from worker.clips import Clip
from worker.experiment import Host, Outcome, perform
from worker.y4m import read_video

ENTRY, CODEC, PROGRAM = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "worker.md").read_text(), re.DOTALL)


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example, added to the worker; the interpreter of its environment, which has no packages."""
    venv.create(tmp_path / "environment", with_pip=False)
    python = tmp_path / "environment" / "bin" / "python"
    (tmp_path / "zlib_codec.py").write_text(CODEC.replace("/opt/codecs/zlib/bin/python", str(python)))
    (tmp_path / "zlib_frames.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "zlib_codec", raising=False)
    entry = eval(ENTRY, vars(codec_catalogue))
    monkeypatch.setitem(codec_catalogue.CODECS, entry.name, entry)
    monkeypatch.setattr(codecs, "CODECS", [*codecs.CODECS, importlib.import_module("zlib_codec").ZlibCodec()])
    return python


def run(clip: Clip, folder: Path, step: int) -> Outcome:
    folder.mkdir()
    configuration = CodecConfiguration(codec="zlib", preset="6", rate_control="step", quality=step)
    return perform(start(plan(clip, configuration), Host("host-1")), Host("host-1"), folder)


def test_it_is_run_measured_shown_and_can_be_decoded_by_others(python: Path, clip: Clip, tmp_path: Path) -> None:
    outcome = run(clip, tmp_path / "work", step=4)
    done = outcome.experiment
    assert (done.error, done.status, done.parameters["encoder"]) == ("", Status.SUCCEEDED, "zlib_frames")
    assert done.rd_points[0].label == "STEP 4"
    assert done.metrics.psnr_db is not None
    assert done.metrics.psnr_db > 35
    assert outcome.video is not None
    assert outcome.video.suffix == ".webm"
    assert outcome.decoder is not None
    with zipfile.ZipFile(outcome.decoder) as bundle:
        bundle.extractall(tmp_path / "bundle")
    decoded = tmp_path / "decoded.y4m"
    subprocess.run([python, tmp_path / "bundle" / "decode.py", decoded], check=True)
    assert f'"frames_sha256": "{read_video(decoded).sha256}"' in (tmp_path / "bundle" / "manifest.json").read_text()


def test_what_its_entry_does_not_offer_fails_before_anything_runs(python: Path, clip: Clip, tmp_path: Path) -> None:
    done = run(clip, tmp_path / "work", step=65).experiment
    assert (done.status, done.error) == (Status.FAILED, "zlib: quality must be from 1 to 64")
    assert done.metrics.encode_seconds is None


def test_a_host_without_its_environment_says_so(python: Path, clip: Clip, tmp_path: Path) -> None:
    python.unlink()
    done = run(clip, tmp_path / "work", step=4).experiment
    assert (done.status, done.error) == (Status.FAILED, f"zlib cannot be used: this host has no {python}")
