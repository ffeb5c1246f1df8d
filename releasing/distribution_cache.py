"""What a CloudFront distribution holds: whether that can be old, and making it forget.

Used by the dynamic provider of `components/invalidation.py`, whose printed lines Pulumi shows.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import botocore.exceptions

from releasing.waiting import looks, tell

COMPLETED = "Completed"
WAIT_LIMIT_SECONDS = 600


class DistributionCache:
    """The caches of one distribution, reached with a client of CloudFront that retries.

    Every method raises PermissionError, naming the permission, where the credentials lack it, and RuntimeError where
    CloudFront refuses otherwise.
    """

    def __init__(self, client: Any, distribution_id: str) -> None:
        self._client = client
        self._distribution_id = distribution_id

    def may_hold_content_from_before(self, moment: datetime) -> bool:
        """Whether the distribution has been invalidated before, or was last changed before a moment.

        CloudFront doesn't tell when a distribution was created, so one that was never invalidated and was changed since
        is taken for new. There is no allowance for clocks that differ: in doubt a path is paid for, not old content
        served. Seconds are what both sides count.
        """
        with self._explained():
            listing = self._client.list_invalidations(DistributionId=self._distribution_id, MaxItems="1")
            if listing["InvalidationList"].get("Items"):
                return True
            distribution = self._client.get_distribution(Id=self._distribution_id)["Distribution"]
        return bool(distribution["LastModifiedTime"] < moment.replace(microsecond=0))

    def invalidate(self, paths: Sequence[str], reference: str) -> str | None:
        """Begin an invalidation, or find the one that was begun with this reference.

        Returns:
            Its id; None, after a warning, if up to the wait limit too many others were in progress.

        """
        batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": reference}
        no_room = self._client.exceptions.TooManyInvalidationsInProgress
        for _ in looks("room for an invalidation, as too many are in progress", WAIT_LIMIT_SECONDS):
            with self._explained(), contextlib.suppress(no_room):
                response = self._client.create_invalidation(
                    DistributionId=self._distribution_id, InvalidationBatch=batch
                )
                return str(response["Invalidation"]["Id"])
        tell(
            f"warning: {', '.join(paths)} could not be invalidated: for {WAIT_LIMIT_SECONDS} s, too many other "
            f"invalidations of {self._distribution_id} were in progress; the next deployment invalidates them."
        )
        return None

    def wait_for(self, invalidation_id: str) -> dict[str, str]:
        """Wait for completion; past the limit the content is live all the same, so that is a warning.

        Returns:
            What `look_at` saw last.

        """
        for _ in looks(f"invalidation {invalidation_id}", WAIT_LIMIT_SECONDS):
            seen = self.look_at(invalidation_id)
            if seen["status"] == COMPLETED:
                return seen
        tell(
            f"warning: invalidation {invalidation_id} is still in progress after {WAIT_LIMIT_SECONDS} s; "
            "the next deployment looks at it again."
        )
        return seen

    def look_at(self, invalidation_id: str) -> dict[str, str]:
        """An invalidation as the stack's state records it; times are ISO 8601 in UTC.

        CloudFront tells when it was created, but not when it completed: that is when it was first seen to have.
        """
        with self._explained():
            response = self._client.get_invalidation(DistributionId=self._distribution_id, Id=invalidation_id)
        invalidation: Mapping[str, Any] = response["Invalidation"]
        return {
            "invalidation_id": invalidation_id,
            "status": invalidation["Status"],
            "created_at": _iso(invalidation["CreateTime"]),
            "completed_at": _iso(datetime.now(UTC)) if invalidation["Status"] == COMPLETED else "",
        }

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except botocore.exceptions.ClientError as error:
            operation, where = error.operation_name, f"on distribution {self._distribution_id}"
            if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
                message = f"The deployment's credentials lack cloudfront:{operation} {where}."
                raise PermissionError(message) from None
            raise RuntimeError(f"{operation} {where} failed: {error}") from None


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
