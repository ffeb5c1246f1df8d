"""Whether this worker is to leave: its service manager says so, or EC2 is about to take its spot instance back."""

import signal
import time
from dataclasses import dataclass
from threading import Thread

from worker.metadata import InstanceMetadata

# How often AWS recommends to look:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
LOOK_SECONDS = 5


@dataclass(slots=True)
class Departure:
    """Why the worker is to leave; empty while it may stay."""

    reason: str = ""

    def on_signals(self) -> None:
        """Leave on SIGTERM, and on Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: setattr(self, "reason", signal.Signals(number).name))

    def on_spot_interruption(self, metadata: InstanceMetadata) -> None:
        """Leave as soon as the instance's metadata tell of an interruption; look from another thread."""

        def watch() -> None:
            while not self.reason:
                if metadata.get("spot/instance-action"):
                    self.reason = "spot interruption"
                time.sleep(LOOK_SECONDS)

        Thread(target=watch, daemon=True).start()
