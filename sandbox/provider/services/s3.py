"""S3: buckets, their settings and their objects."""

from typing import Any
from urllib.parse import urlencode

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Properties, Resource, Setting, unless_gone
from sandbox.provider.shape import AWS_DECIDES, Block, Document, Field
from sandbox.provider.tags import as_list, as_map
from sandbox.provider.wire import Content

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETES_PER_REQUEST = 1000
BODY = frozenset({"source", "content", "sourceHash", "etag"})


class Bucket(Resource):
    """A bucket; with `forceDestroy`, deleting it deletes what it holds."""

    reads = "head_{}"
    inputs = {"bucket": None, "forceDestroy": False}
    identity = "{bucket}"
    named_by = "bucket"
    ours = frozenset({"forceDestroy"})
    outputs = {
        "arn": "arn:aws:s3:::{bucket}",
        "bucketDomainName": "{bucket}.s3.amazonaws.com",
        "bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
    }
    tagged = True
    differs_in = "capitals, which there are made small in names made up"

    def create(self, aws: Aws, inputs: Properties) -> str:
        """Create it; in the oldest region S3 lets one create an own bucket again, and pulumi-aws doesn't.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        """
        name, s3, oldest = str(inputs["bucket"]), aws.client("s3"), aws.region == "us-east-1"
        if oldest and any(each["Name"] == name for each in s3.list_buckets()["Buckets"]):
            raise ProviderError(f"CreateBucket: BucketAlreadyExists: there is a bucket {name}")
        s3.create_bucket(
            Bucket=name, **({} if oldest else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}})
        )
        return name

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        if aws.tags(inputs):
            self.change_tags(aws, identifier, {}, inputs)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        s3 = aws.client("s3")
        s3.head_bucket(Bucket=identifier)
        tags = unless_gone(lambda: s3.get_bucket_tagging(Bucket=identifier)["TagSet"])
        here = {"bucket": identifier}
        return {**here, **self.further(aws, identifier, here, {}), "tagsAll": as_map(tags)}

    def change_tags(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        if tags := aws.tags(inputs):
            aws.client("s3").put_bucket_tagging(Bucket=identifier, Tagging={"TagSet": as_list(tags)})
        else:
            aws.client("s3").delete_bucket_tagging(Bucket=identifier)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        if known.get("forceDestroy"):
            _delete_versions(aws, identifier, _versions(aws, identifier))
        super().delete(aws, identifier, known)


class BucketSetting(Setting):
    """A setting of a bucket, its id the bucket's name."""

    identity = "{bucket}"
    bears = {"creates": ("NoSuchBucket", "MalformedPolicy", "OperationAborted"), "deletes": ("OperationAborted",)}


class BucketPublicAccessBlock(BucketSetting):
    """What of a bucket may never be public."""

    noun = "public_access_block"
    given_in = found_in = "PublicAccessBlockConfiguration"
    inputs = {
        "bucket": None,
        **dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False),
    }


class BucketPolicy(BucketSetting):
    """Who may do what with a bucket."""

    inputs = {"bucket": None, "policy": Document()}


class BucketOwnershipControls(BucketSetting):
    """Who owns the objects that others write."""

    given_in = found_in = "OwnershipControls"
    inputs = {"bucket": None, "rule": {"objectOwnership": None}}


class BucketLifecycleConfiguration(BucketSetting):
    """What a bucket forgets by itself, and when."""

    deletes = "delete_bucket_lifecycle"
    given_in = "LifecycleConfiguration"
    inputs = {
        "bucket": None,
        "rules": [
            {
                **dict.fromkeys(("id", "status")),
                "filter": Block({"prefix": ""}, default={"prefix": ""}),
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": None},
                "noncurrentVersionExpiration": {"noncurrentDays": None},
                "expiration": {"days": None},
            }
        ],
    }
    differs_in = "waiting for it to be the same everywhere"


class BucketObject(Setting):
    """An object; one that is written over by hand shows where the program gives its ETag alone, as with pulumi-aws."""

    noun, reads = "object", "head_{}"
    inputs = {
        **dict.fromkeys(("bucket", "key", "source", "content", "sourceHash", "cacheControl")),
        **dict.fromkeys(("etag", "contentType"), AWS_DECIDES),
        "metadata": Field({}),
    }
    identity = "{bucket}/{key}"
    import_ids = ("s3://{bucket}/{key}", "{bucket}/{key}")
    outputs = {"arn": "arn:aws:s3:::{bucket}/{key}", "versionId": "VersionId"}
    tagged = True
    differs_in = "an object without a key, which there gets its logical name, or without a body"

    def create(self, aws: Aws, inputs: Properties) -> str:
        without = {name: value for name, value in inputs.items() if name not in BODY}
        self.call(aws, "creates", without, Body=_body(inputs), Tagging=urlencode(aws.tags(inputs)))
        return self.identifier(aws, inputs)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        s3, place = aws.client("s3"), {"Bucket": known["bucket"], "Key": known["key"]}
        head = s3.head_object(**place)
        told = self.properties(head, aws.operation("s3", "head_object").output_shape)
        here = {"bucket": known["bucket"], "key": known["key"], "etag": head["ETag"].strip('"')}
        tags = as_map(s3.get_object_tagging(**place)["TagSet"])
        return {**told, **here, **self.further(aws, identifier, here, head), "tagsAll": tags}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        if changed - {"tags"}:
            self.create(aws, inputs)
        elif changed:
            tags, place = as_list(aws.tags(inputs)), {"Bucket": inputs["bucket"], "Key": inputs["key"]}
            aws.client("s3").put_object_tagging(**place, Tagging={"TagSet": tags})

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """Delete it with all its versions."""
        versions = _versions(aws, known["bucket"], prefix=known["key"])
        _delete_versions(aws, known["bucket"], [version for version in versions if version["Key"] == known["key"]])

    def unknown_after(self, changed: set[str], known: Properties) -> list[str]:
        return ["etag", "versionId"] if changed - {"tags"} else []


def _body(inputs: Properties) -> bytes:
    source = inputs.get("source")
    if isinstance(source, Content):
        return source.asset_bytes()
    if inputs.get("content") is not None:
        return str(inputs["content"]).encode()
    raise ProviderError(f"{inputs['key']}: neither source nor content is given")


def _versions(aws: Aws, bucket: str, prefix: str = "") -> list[dict[str, str]]:
    """All versions and delete markers; in a bucket without versioning, the objects."""
    pages = aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [
        {"Key": version["Key"], "VersionId": version["VersionId"]}
        for page in pages
        for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]


def _delete_versions(aws: Aws, bucket: str, versions: list[dict[str, str]]) -> None:
    for start in range(0, len(versions), DELETES_PER_REQUEST):
        batch = versions[start : start + DELETES_PER_REQUEST]
        response = aws.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for failure in response.get("Errors", [])[:1]:
            raise ProviderError(f"DeleteObjects: {failure['Key']}: {failure['Code']}: {failure.get('Message', '')}")
