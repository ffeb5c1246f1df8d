"""The static files that browsers get from S3: the admin page, its script, the stylesheet of all pages."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.private_bucket import PrivateBucket
from components.settings import Settings
from releasing.social_card import social_card_file

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
PATH_PATTERNS = tuple(f"*{suffix}" for suffix in CONTENT_TYPES)
"""What the CDN asks S3 for; by suffix, as a pattern per file would change the distribution with every new file."""

# Browsers ask again each time, so that they never mix files of two releases; the CDN holds a file until it is
# invalidated or a day has passed.
CACHE_CONTROL = "public, max-age=0, s-maxage=86400, must-revalidate"
# What no invalidation follows, the CDN doesn't hold.
UNCACHED = "no-cache"


SOCIAL_CARD_KEY = "social-card.png"


class StaticSite(pulumi.ComponentResource):
    """The private bucket of static files and an object for each file of a folder."""

    bucket: aws.s3.Bucket
    hashes: dict[str, str]
    """Each file's URL path, such as `/admin.html`, and the hexadecimal SHA-256 of its content."""
    objects: list[aws.s3.BucketObject]

    def __init__(
        self,
        name: str,
        settings: Settings,
        folder: Path,
        released_with: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Upload the folder.

        Args:
            name: Pulumi's name of the component.
            settings: The stack's settings.
            folder: What browsers get, by its path in the folder.
            released_with: What has to have passed first; if it fails, users keep the files that they have.
            opts: Pulumi's options.

        """
        super().__init__("dashboard:site:StaticSite", name, None, opts)
        self._settings = settings
        files = dict(site_files(folder))
        self._upload = pulumi.ResourceOptions(parent=self, depends_on=list(released_with))

        self.bucket = PrivateBucket(
            "site", settings, settings.site_bucket_name, opts=pulumi.ResourceOptions(parent=self)
        ).bucket
        self.hashes = {f"/{key}": _sha256(file) for key, file in files.items()}
        self.objects = [self._create_object(key, file) for key, file in files.items()]

        self.register_outputs({"bucket": self.bucket.bucket})

    def publish(self, key: str, content: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        """Serve a document that the deployment itself writes, and that browsers and the CDN ask for each time."""
        aws.s3.BucketObject(
            key,
            bucket=self.bucket.bucket,
            key=key,
            content=content,
            etag=pulumi.Output.from_input(content).apply(lambda text: _etag(text.encode())),
            content_type=CONTENT_TYPES[Path(key).suffix],
            cache_control=UNCACHED,
            tags=self._settings.tags("static-site"),
            opts=opts,
        )

    def _create_object(self, key: str, file: Path) -> aws.s3.BucketObject:
        return aws.s3.BucketObject(
            key,
            bucket=self.bucket.bucket,
            key=key,
            source=pulumi.FileAsset(_relative(file)),
            source_hash=self.hashes[f"/{key}"],
            # By which a refresh tells that an object was written over by hand.
            etag=_etag(file.read_bytes()),
            content_type=CONTENT_TYPES[file.suffix],
            cache_control=CACHE_CONTROL,
            tags=self._settings.tags("static-site"),
            opts=self._upload,
        )


def site_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each file's key and path, in a stable order: those of a folder, and what is drawn for the site.

    Raises:
        pulumi.RunError: a file's suffix has no content type.

    """
    for file in sorted(folder.rglob("*")):
        key = file.relative_to(folder)
        if not file.is_file() or any(part.startswith(".") for part in key.parts):
            continue
        if file.suffix not in CONTENT_TYPES:
            raise pulumi.RunError(
                f"{file}: no content type is known for '{file.suffix}'; "
                "add it to CONTENT_TYPES in components/static_site.py, or remove the file"
            )
        yield key.as_posix(), file
    yield SOCIAL_CARD_KEY, social_card_file()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _etag(content: bytes) -> str:
    """As S3 has it of an object that is uploaded in one part, which pulumi-aws does below 5 MiB."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _relative(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
