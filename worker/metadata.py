"""What EC2 tells an instance about itself, by IMDSv2.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
"""

from dataclasses import dataclass

import requests

_TIMEOUT_SECONDS = 1


@dataclass(frozen=True, slots=True)
class InstanceMetadata:
    """What the metadata service at an endpoint tells; nothing where the endpoint is empty."""

    endpoint: str

    def get(self, category: str) -> str | None:
        """Return a category such as `instance-type`; None where there is none, or no such service."""
        if not self.endpoint:
            return None
        with requests.Session() as session:
            # The service is a hop away at most, whatever proxy the environment names.
            session.trust_env = False
            try:
                token = session.put(
                    f"{self.endpoint}/latest/api/token",
                    headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"},
                    timeout=_TIMEOUT_SECONDS,
                )
                token.raise_for_status()
                answer = session.get(
                    f"{self.endpoint}/latest/meta-data/{category}",
                    headers={"X-aws-ec2-metadata-token": token.text},
                    timeout=_TIMEOUT_SECONDS,
                )
            except requests.RequestException:
                return None
            return answer.text if answer.ok else None
