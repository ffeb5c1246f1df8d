"""S3: buckets, their settings and their objects."""

from typing import Any
from urllib.parse import urlencode

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Properties, Resource, Setting, tag_list, tag_map
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Document, Field
from sandbox.provider.wire import Content

BUCKET = {"bucket": Field(aws="Bucket", required=True)}
# https://docs.aws.amazon.com/general/latest/gr/s3.html#s3_website_region_endpoints
HOSTED_ZONE_IDS = {"us-east-1": "Z3AQBSTGFAJSTF", "us-west-2": "Z3BJ6K6RIION7M", "eu-central-1": "Z21DNDUVLTQW6Q"}
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETES_PER_REQUEST = 1000


class Bucket(Resource):
    """A bucket; with `forceDestroy`, deleting it deletes what it holds."""

    tokens = ("aws:s3/bucket:Bucket",)
    inputs = Block(fields={**BUCKET, "forceDestroy": Field(default=False)})
    identity = ("bucket",)
    named_by = "bucket"
    computed = ("arn", "bucketDomainName", "bucketRegionalDomainName", "hostedZoneId", "region", "tagsAll")
    tagged = True

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
            self._tag(aws, identifier, inputs)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        aws.client("s3").head_bucket(Bucket=identifier)
        return {
            "bucket": identifier,
            "arn": f"arn:aws:s3:::{identifier}",
            "bucketDomainName": f"{identifier}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{identifier}.s3.{aws.region}.amazonaws.com",
            "hostedZoneId": HOSTED_ZONE_IDS.get(aws.region),
            "tagsAll": self._read_tags(aws, identifier),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        if "tags" in changed:
            self._tag(aws, identifier, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        if known.get("forceDestroy"):
            _delete_versions(aws, identifier, _versions(aws, identifier))
        aws.client("s3").delete_bucket(Bucket=identifier)

    def _tag(self, aws: Aws, name: str, inputs: Properties) -> None:
        if tags := aws.tags(inputs):
            aws.client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})
        else:
            aws.client("s3").delete_bucket_tagging(Bucket=name)

    def _read_tags(self, aws: Aws, name: str) -> dict[str, str]:
        s3 = aws.client("s3")
        try:
            return tag_map(s3.get_bucket_tagging(Bucket=name)["TagSet"])
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchTagSet":
                return {}
            raise


class BucketSetting(Setting):
    """A setting of a bucket, its id the bucket's name."""

    identity = ("bucket",)


class BucketPublicAccessBlock(BucketSetting):
    """What of a bucket may never be public."""

    tokens = ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",)
    _blocks = Block(
        fields={
            "blockPublicAcls": Field(aws="BlockPublicAcls", default=False),
            "blockPublicPolicy": Field(aws="BlockPublicPolicy", default=False),
            "ignorePublicAcls": Field(aws="IgnorePublicAcls", default=False),
            "restrictPublicBuckets": Field(aws="RestrictPublicBuckets", default=False),
        }
    )
    inputs = Block(fields={**BUCKET, **_blocks.fields})

    def put(self, aws: Aws, inputs: Properties) -> None:
        aws.client("s3").put_public_access_block(
            Bucket=inputs["bucket"], PublicAccessBlockConfiguration=self._blocks.to_aws(inputs)
        )

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        response = aws.client("s3").get_public_access_block(Bucket=identifier)
        return {"bucket": identifier, **self._blocks.from_aws(response["PublicAccessBlockConfiguration"])}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("s3").delete_public_access_block(Bucket=identifier)


class BucketPolicy(BucketSetting):
    """Who may do what with a bucket."""

    tokens = ("aws:s3/bucketPolicy:BucketPolicy",)
    inputs = Block(fields={**BUCKET, "policy": Document(aws="Policy", required=True)})

    def put(self, aws: Aws, inputs: Properties) -> None:
        aws.client("s3").put_bucket_policy(Bucket=inputs["bucket"], Policy=inputs["policy"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        return {"bucket": identifier, "policy": aws.client("s3").get_bucket_policy(Bucket=identifier)["Policy"]}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("s3").delete_bucket_policy(Bucket=identifier)


class BucketOwnershipControls(BucketSetting):
    """Who owns the objects that others write."""

    tokens = ("aws:s3/bucketOwnershipControls:BucketOwnershipControls",)
    _rule = Block(fields={"objectOwnership": Field(aws="ObjectOwnership", required=True)}, required=True)
    inputs = Block(fields={**BUCKET, "rule": _rule})

    def put(self, aws: Aws, inputs: Properties) -> None:
        aws.client("s3").put_bucket_ownership_controls(
            Bucket=inputs["bucket"], OwnershipControls={"Rules": [self._rule.to_aws(inputs["rule"])]}
        )

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        response = aws.client("s3").get_bucket_ownership_controls(Bucket=identifier)
        return {"bucket": identifier, "rule": self._rule.from_aws(response["OwnershipControls"]["Rules"][0])}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("s3").delete_bucket_ownership_controls(Bucket=identifier)


class BucketLifecycleConfiguration(BucketSetting):
    """What a bucket forgets by itself, and when."""

    tokens = ("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",)
    _rules = Blocks(
        key="id",
        of=Block(
            fields={
                "id": Field(aws="ID", required=True),
                "status": Field(aws="Status", required=True),
                "filter": Block(
                    aws="Filter", fields={"prefix": Field(aws="Prefix", default="")}, default={"prefix": ""}
                ),
                "abortIncompleteMultipartUpload": Block(
                    aws="AbortIncompleteMultipartUpload",
                    fields={"daysAfterInitiation": Field(aws="DaysAfterInitiation")},
                ),
                "noncurrentVersionExpiration": Block(
                    aws="NoncurrentVersionExpiration",
                    fields={"noncurrentDays": Field(aws="NoncurrentDays", required=True)},
                ),
                "expiration": Block(aws="Expiration", fields={"days": Field(aws="Days")}),
            }
        ),
        required=True,
    )
    inputs = Block(fields={**BUCKET, "rules": _rules})

    def put(self, aws: Aws, inputs: Properties) -> None:
        aws.client("s3").put_bucket_lifecycle_configuration(
            Bucket=inputs["bucket"], LifecycleConfiguration={"Rules": self._rules.to_aws(inputs["rules"])}
        )

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        response = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=identifier)
        return {"bucket": identifier, "rules": self._rules.from_aws(response["Rules"])}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("s3").delete_bucket_lifecycle(Bucket=identifier)


class BucketObject(Setting):
    """An object; a body that was changed by hand shows in its ETag."""

    tokens = ("aws:s3/bucketObject:BucketObject",)
    _headers = Block(
        fields={
            "contentType": Field(aws="ContentType", default=AWS_DECIDES),
            "cacheControl": Field(aws="CacheControl"),
            "metadata": Field(aws="Metadata", default={}),
        }
    )
    inputs = Block(
        fields={
            **BUCKET,
            "key": Field(required=True),
            "source": Field(),
            "content": Field(),
            "sourceHash": Field(),
            "etag": Field(default=AWS_DECIDES),
            **_headers.fields,
        }
    )
    identity = ("bucket", "key")
    imported_as = "(?:s3://)?(?P<bucket>[^/]+)/(?P<key>.+)"
    computed = ("arn", "contentType", "etag", "tagsAll", "versionId")
    tagged = True

    def put(self, aws: Aws, inputs: Properties) -> None:
        aws.client("s3").put_object(
            Bucket=inputs["bucket"],
            Key=inputs["key"],
            Body=_body(inputs),
            Tagging=urlencode(aws.tags(inputs)),
            **self._headers.to_aws(inputs),
        )

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """Of a body that is no longer the one uploaded, no source is told."""
        s3, bucket, key = aws.client("s3"), known["bucket"], known["key"]
        head = s3.head_object(Bucket=bucket, Key=key)
        etag = head["ETag"].strip('"')
        changed_by_hand = known.get("etag", etag) != etag
        return {
            "bucket": bucket,
            "key": key,
            **self._headers.from_aws(head),
            **(dict.fromkeys(("source", "content", "sourceHash")) if changed_by_hand else {}),
            "etag": etag,
            "versionId": head.get("VersionId"),
            "arn": f"arn:aws:s3:::{bucket}/{key}",
            "tagsAll": tag_map(s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]),
        }

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """Delete it with all its versions."""
        versions = _versions(aws, known["bucket"], prefix=known["key"])
        _delete_versions(aws, known["bucket"], [version for version in versions if version["Key"] == known["key"]])

    def unknown_after(self, changed: set[str], known: Properties) -> list[str]:
        return ["etag", "versionId"] if changed & {"source", "content", "sourceHash"} else []


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
