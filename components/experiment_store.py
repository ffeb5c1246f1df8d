"""Where experiments are kept: the DynamoDB table of their records and the S3 bucket of their videos and decoders."""

import pulumi
import pulumi_aws as aws

from components.imports import taken_over
from components.private_bucket import PrivateBucket
from components.settings import Settings

# The keys of docs/data-model.md: every listing is a query on one of these indexes, newest first, never a scan.
INDEX_KEYS = {"newest": "feed", "by-status": "status", "by-codec": "codec"}


class ExperimentStore(pulumi.ComponentResource):
    """The experiments table and the media bucket."""

    table: aws.dynamodb.Table
    media: aws.s3.Bucket

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("dashboard:data:ExperimentStore", name, None, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)

        self.table = self._create_table()
        self.media = PrivateBucket("media", settings, settings.media_bucket_name, opts=self._child).bucket
        self._forget_unfinished_uploads()

        self.register_outputs({"table_name": self.table.name, "media_bucket": self.media.bucket})

    @property
    def index_arns(self) -> list[pulumi.Output[str]]:
        """ARNs of the table's indexes, for policies."""
        return [pulumi.Output.concat(self.table.arn, "/index/", index) for index in INDEX_KEYS]

    def _create_table(self) -> aws.dynamodb.Table:
        keys = ["pk", "sk", *INDEX_KEYS.values(), "created_at"]
        imported = self._settings.imported.get("table", "")
        return aws.dynamodb.Table(
            "experiments",
            name=imported or self._settings.table_name or self._settings.name("experiments"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S") for key in keys],
            global_secondary_indexes=[_newest_first(index, key) for index, key in INDEX_KEYS.items()],
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            ttl=aws.dynamodb.TableTtlArgs(attribute_name="expires_at", enabled=True),
            deletion_protection_enabled=self._settings.deletion_protection,
            tags=self._settings.tags("experiment-store"),
            opts=taken_over(imported, parent=self),
        )

    def _forget_unfinished_uploads(self) -> None:
        """A worker that dies while it uploads leaves parts that cost storage and that no listing shows."""
        aws.s3.BucketLifecycleConfiguration(
            "media",
            bucket=self.media.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="forget-unfinished-uploads",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=2
                        )
                    ),
                )
            ],
            opts=self._child,
        )


def _newest_first(index: str, key: str) -> aws.dynamodb.TableGlobalSecondaryIndexArgs:
    return aws.dynamodb.TableGlobalSecondaryIndexArgs(
        name=index,
        key_schemas=[
            aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=key, key_type="HASH"),
            aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name="created_at", key_type="RANGE"),
        ],
        projection_type="ALL",
    )
