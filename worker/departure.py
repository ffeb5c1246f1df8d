"""Whether this worker is to leave: its service manager says so, or EC2 is about to take its spot instance back."""

import signal
import time
from dataclasses import dataclass
from threading import Thread

import requests

# How often AWS recommends to look:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
LOOK_SECONDS = 5
_TIMEOUT_SECONDS = 1


@dataclass(slots=True)
class Departure:
    """Why the worker is to leave; empty while it may stay."""

    reason: str = ""

    def on_signals(self) -> None:
        """Leave on SIGTERM, and on Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: setattr(self, "reason", signal.Signals(number).name))

    def on_spot_interruption(self, metadata_endpoint: str) -> None:
        """Leave as soon as the instance's metadata service tells of an interruption; look from another thread."""

        def watch() -> None:
            while not self.reason:
                if is_interruption_announced(metadata_endpoint):
                    self.reason = "spot interruption"
                time.sleep(LOOK_SECONDS)

        Thread(target=watch, daemon=True).start()


def is_interruption_announced(metadata_endpoint: str) -> bool:
    """Ask the metadata service, by IMDSv2; where there is none, nothing is announced."""
    with requests.Session() as session:
        # The service is a hop away at most, whatever proxy the environment names.
        session.trust_env = False
        try:
            token = session.put(
                f"{metadata_endpoint}/latest/api/token",
                headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"},
                timeout=_TIMEOUT_SECONDS,
            )
            token.raise_for_status()
            notice = session.get(
                f"{metadata_endpoint}/latest/meta-data/spot/instance-action",
                headers={"X-aws-ec2-metadata-token": token.text},
                timeout=_TIMEOUT_SECONDS,
            )
        except requests.RequestException:
            return False
        return notice.ok
