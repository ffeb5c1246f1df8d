"""An S3 bucket that nobody reads but whom a policy names."""

import pulumi
import pulumi_aws as aws

from components.imports import taken_over
from components.settings import Settings


class PrivateBucket(pulumi.ComponentResource):
    """A bucket without ACLs and with all public access blocked; S3 encrypts its objects with its own keys."""

    bucket: aws.s3.Bucket

    def __init__(
        self, name: str, settings: Settings, physical_name: str = "", opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Create the bucket.

        Args:
            name: What it is for, such as `media`.
            settings: The stack's settings.
            physical_name: Its name in S3; empty, it is derived from project, stack, name and account.
            opts: Pulumi's options.

        """
        super().__init__("dashboard:storage:PrivateBucket", name, None, opts)
        self._name = name
        self._child = pulumi.ResourceOptions(parent=self)

        self.bucket = self._create_bucket(settings, physical_name)
        self._disable_acls()
        self._block_public_access()

        self.register_outputs({"bucket": self.bucket.bucket})

    def _create_bucket(self, settings: Settings, physical_name: str) -> aws.s3.Bucket:
        imported = settings.imported.get(f"{self._name}-bucket", "")
        return aws.s3.Bucket(
            self._name,
            bucket=imported or physical_name or _derived_name(settings.name(self._name)),
            force_destroy=not settings.deletion_protection,
            tags=settings.tags(self._name),
            opts=taken_over(imported, parent=self),
        )

    def _disable_acls(self) -> None:
        aws.s3.BucketOwnershipControls(
            self._name,
            bucket=self.bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._child,
        )

    def _block_public_access(self) -> None:
        aws.s3.BucketPublicAccessBlock(
            self._name,
            bucket=self.bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )


def _derived_name(name: str) -> pulumi.Output[str]:
    """All of AWS shares one space of bucket names; the account's id makes this one ours."""
    return pulumi.Output.concat(name, "-", aws.get_caller_identity_output().account_id)
