"""AWS's manners: in which ways the embedded AWS is as slow and as moody as the real one.

Each field is one manner; what it says is how strong it is, and nothing (0, empty, false) switches it off. They are
kept in a file beside the emulator's state, which it reads anew whenever that changes, so that one manner can be tried
on a running sandbox. `ministack_manners.py` enforces them.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

FILE = "manners.json"


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What is expected of whoever deploys; seconds are AWS's, of which `clock` pass in a second here."""

    clock: float = 60
    """How many of AWS's seconds pass in a second here."""
    seed: int = 0
    """What the chances are drawn by."""

    version_pending_seconds: float = 0
    """How long a published version with SnapStart is `Pending`, and can't be called.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html#snapstart-function-states
    """
    version_failure_chance: float = 0
    """How often it then is `Failed` through no fault of its code, as where too many snapshots are made at once.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-troubleshooting.html
    """
    version_idle_seconds: float = 0
    """After how long without a call a version is `Inactive`: the next call fails and wakes it; on AWS, 14 days.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-troubleshooting.html
    """
    code_storage_bytes: int = 0
    """How much the code of all functions' versions and layers may take; on AWS, 75 GB.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    role_seconds: float = 0
    """How long a new role can't be assumed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    policy_seconds: float = 0
    """How long a role goes without what a policy has just allowed it; as above."""
    distribution_seconds: float = 0
    """How long a changed distribution is `InProgress`, can't be deleted, and holds the policies that it has left.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HowToUpdateDistribution.html
    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DeleteCachePolicy.html
    """
    certificate_seconds: float = 0
    """How long a certificate is pending; the records that prove the domain are told after a tenth of that.

    https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
    """
    dns_seconds: float = 0
    """How long a change of DNS records is `PENDING`.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html
    """
    table_seconds: float = 0
    """How long a new table and its indexes are `CREATING`, and can't be used.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    """
    read_seconds: float = 0
    """How long what was just created may not be found yet, by every other read.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    """
    queue_name_seconds: float = 0
    """How long the name of a deleted queue stays taken; on AWS, 60.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    """
    throttling_chance: float = 0
    """How often a request is refused as one too many.

    https://docs.aws.amazon.com/general/latest/gr/api-retries.html
    """
    error_chance: float = 0
    """How often a service fails at a request before it has done anything; as above."""
    taken_buckets: tuple[str, ...] = ()
    """Names of buckets that other accounts have.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    unverified_account: bool = False
    """Whether CloudFront makes no distribution before the account is verified.

    https://repost.aws/knowledge-center/cloudfront-verify-account-error
    """

    @classmethod
    def read(cls, folder: Path) -> "Manners":
        """Those of the emulator in a folder, `MILD` ones where none are set there."""
        try:
            fields = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return MILD
        return cls(**{**fields, "taken_buckets": tuple(fields.get("taken_buckets", ()))})

    def write(self, folder: Path) -> None:
        """Set them for the emulator in a folder, at once where it runs."""
        new = folder / f"{FILE}.new"
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(folder / FILE)


KIND = Manners()
"""Nothing takes time, nothing fails."""
MILD = Manners(
    version_pending_seconds=10,
    code_storage_bytes=75 * 10**9,
    role_seconds=5,
    policy_seconds=5,
    distribution_seconds=20,
    certificate_seconds=20,
    dns_seconds=10,
    table_seconds=5,
    read_seconds=2,
    queue_name_seconds=60,
)
"""What every deployment meets, so short that nobody waits for it."""
HARSH = replace(
    MILD,
    version_pending_seconds=120,
    version_failure_chance=0.2,
    version_idle_seconds=14 * 24 * 3600,
    role_seconds=15,
    policy_seconds=30,
    distribution_seconds=240,
    certificate_seconds=120,
    dns_seconds=60,
    table_seconds=30,
    read_seconds=10,
    throttling_chance=0.08,
    error_chance=0.03,
)
"""What a deployment meets on a bad day."""
LEVELS = {"kind": KIND, "mild": MILD, "harsh": HARSH}
