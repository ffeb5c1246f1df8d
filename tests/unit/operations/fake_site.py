"""A small site, deployed to fakes of AWS and of the web just as git says; a test changes one thing of it."""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from botocore.exceptions import ClientError

from components.cdn import (
    ALL_VIEWER_EXCEPT_HOST_HEADER,
    API_PATHS,
    CACHING_DISABLED,
    CACHING_OPTIMIZED,
    ERRORS_HELD,
    content_security_policy,
)
from components.settings import Settings
from components.sign_in import CONFIGURATION_KEY, configuration
from components.static_site import CACHE_CONTROL, CONTENT_TYPES, PATH_PATTERNS, SOCIAL_CARD_KEY
from operations.checks.target import Target
from releasing.lambda_package import LambdaPackage, package_source
from releasing.record import RECORD_KEY, as_json
from releasing.social_card import social_card_file

SOURCE = {"index_ssr.py": "def handler(event, context):\n    return 'hello'\n", "templates/layout.html": "<p>\n"}
STATIC = {"admin.html": "<p>admin\n", "styles.css": "p { color: red }\n"}
CODE_URL = "https://code.example/archive?signature=secret"
ADMIN_CODE_URL = "https://code.example/admin?signature=secret"
SIGN_IN_URL = "https://sign-in.example"
API_URL, CDN_URL = "https://api.example/production/", "https://cdn.example/"
CONFIGURATION = configuration("c1", SIGN_IN_URL).encode()
PROJECT = "ai-video-codec-dashboard"
NOW = datetime.now(UTC)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def refused(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@dataclass
class StoredObject:
    body: bytes
    content_type: str
    written: datetime
    cache_control: str = CACHE_CONTROL


@dataclass
class FakeSite:
    """What AWS holds and what the web answers; it stands in for the clients of Lambda, S3 and CloudFront as well."""

    folder: Path
    package: LambdaPackage = field(init=False)
    admin_package: LambdaPackage = field(init=False)
    settings: Settings = field(init=False)
    objects: dict[str, StoredObject] = field(default_factory=dict)
    invalidations: list[tuple[str, datetime, list[str]]] = field(default_factory=list)
    web: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    """What an operation fails with, by its name."""

    def __post_init__(self) -> None:
        source = write(self.folder / "lambda", SOURCE)
        write(self.folder / "dashboard", STATIC)
        self.package = package_source(source, "renderer", SOURCE, self.folder / "cache")
        self.admin_package = package_source(source, "admin-api", SOURCE, self.folder / "cache")
        self.settings = Settings.parse(PROJECT, "test", {})
        self.latest, self.version = self._configuration(self.package), self._configuration(self.package)
        self.alias: dict[str, Any] = {"FunctionVersion": "7"}
        self.admin_api, self.admin_alias = self._admin_configuration(), {"FunctionVersion": "3"}
        renderer = {"version": "7", "build_id": self.package.sha256, "rolled_back": False}
        self.release: dict[str, Any] = {"release": "r3", "commit": "a" * 40, "renderer": renderer}
        self._deploy_static_files()
        self._deploy_cdn()
        self._serve()

    def target(self) -> Target:
        untyped: Any = self
        outputs = {
            "admin_function": "admin-api",
            "admin_version": "3",
            "api_id": "a1",
            "api_url": API_URL,
            "client_id": "c1",
            "dashboard_url": CDN_URL,
            "dead_letter_queue_url": "dead-letters",
            "distribution_id": "E1",
            "job_queue_url": "jobs",
            "media_bucket": "media",
            "renderer_code_sha256": self.package.sha256,
            "renderer_function": "renderer",
            "renderer_version": "7",
            "sign_in_url": SIGN_IN_URL,
            "site_bucket": "site",
            "table_name": "experiments",
        }
        return Target(
            settings=self.settings,
            outputs=outputs,
            package=self.package,
            admin_package=self.admin_package,
            release=self.release,
            static_files=self.folder / "dashboard",
            functions=untyped,
            objects=untyped,
            cdn=untyped,
        )

    def roll_back(self) -> None:
        self.release["renderer"]["rolled_back"] = True
        self.web[f"{CDN_URL}{RECORD_KEY}"] = (200, as_json(self.release).encode())

    def request(self, url: str, **_: Any) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer._content = self.web.get(url, (404, b""))
        return answer

    def get_function_configuration(self, **request: str) -> dict[str, Any]:
        found = self.latest if request["FunctionName"] == "renderer" else self.admin_api
        return self._answer("GetFunctionConfiguration", found)

    def get_function(self, **request: str) -> dict[str, Any]:
        is_renderer = request["FunctionName"] == "renderer"
        found, url = (self.version, CODE_URL) if is_renderer else (self.admin_api, ADMIN_CODE_URL)
        return self._answer("GetFunction", {"Configuration": found, "Code": {"Location": url}})

    def get_alias(self, **request: str) -> dict[str, Any]:
        return self._answer("GetAlias", self.alias if request["FunctionName"] == "renderer" else self.admin_alias)

    def get_object(self, **request: str) -> dict[str, Any]:
        stored = self.objects[request["Key"]]
        headers = {"ContentType": stored.content_type, "CacheControl": stored.cache_control}
        return self._answer("GetObject", {"Body": io.BytesIO(stored.body), **headers})

    def get_distribution(self, **_: Any) -> dict[str, Any]:
        distribution = {"DistributionConfig": self.distribution, "LastModifiedTime": self.distribution_changed}
        return self._answer("GetDistribution", {"Distribution": distribution})

    def get_cache_policy(self, **_: Any) -> dict[str, Any]:
        return self._answer("GetCachePolicy", {"CachePolicy": {"CachePolicyConfig": self.cache_policy}})

    def get_response_headers_policy(self, **_: Any) -> dict[str, Any]:
        policy = {"ResponseHeadersPolicyConfig": self.headers_policy}
        return self._answer("GetResponseHeadersPolicy", {"ResponseHeadersPolicy": policy})

    def get_invalidation(self, **request: str) -> dict[str, Any]:
        paths = self.invalidations[int(request["Id"])][2]
        return self._answer("GetInvalidation", {"Invalidation": {"InvalidationBatch": {"Paths": {"Items": paths}}}})

    def get_paginator(self, name: str) -> "Paginator":
        if name == "list_objects_v2":
            listed = [{"Key": key, "LastModified": stored.written} for key, stored in self.objects.items()]
            return Paginator([self._answer("ListObjectsV2", {"Contents": [each]}) for each in listed])
        summaries = [
            {"Id": str(number), "Status": status, "CreateTime": began}
            for number, (status, began, _) in enumerate(self.invalidations)
        ]
        return Paginator([self._answer("ListInvalidations", {"InvalidationList": {"Items": summaries}})])

    def _answer(self, operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        if operation in self.errors:
            raise self.errors[operation]
        return answer

    def _configuration(self, package: LambdaPackage) -> dict[str, Any]:
        environment = {"MEDIA_BUCKET": "media", "SITE_URL": "", "PRICES": self.settings.prices, "STACK": "test"}
        return {
            "CodeSha256": package.sha256,
            "CodeSize": package.path.stat().st_size,
            "LastModified": "2026-11-24T06:00:00.000+0000",
            "Runtime": "python3.13",
            "Architectures": ["arm64"],
            "Handler": "index_ssr.handler",
            "MemorySize": 512,
            "Timeout": 10,
            "Environment": {"Variables": {**environment, "TABLE_NAME": "experiments", "BUILD_ID": package.sha256}},
        }

    def _admin_configuration(self) -> dict[str, Any]:
        found = self._configuration(self.admin_package)
        found |= {"Handler": "admin_api.handler", "Timeout": 29}
        queues = {"DEAD_LETTER_QUEUE_URL": "dead-letters", "JOB_QUEUE_URL": "jobs"}
        functions = {
            "ADMIN_FUNCTION": "admin-api",
            "ADMIN_GROUP": "admins",
            "API_ID": "a1",
            "RENDERER_FUNCTION": "renderer",
        }
        found["Environment"]["Variables"] |= {**queues, **functions, "CHAT_MODEL": "", "CHAT_MONTHLY_USD": "20"}
        return found

    def _static_content(self) -> dict[str, bytes]:
        return {
            **{key: text.encode() for key, text in STATIC.items()},
            SOCIAL_CARD_KEY: social_card_file().read_bytes(),
        }

    def _deploy_static_files(self) -> None:
        for key, content in self._static_content().items():
            content_type = CONTENT_TYPES[Path(key).suffix]
            self.objects[key] = StoredObject(content, content_type, written=NOW - timedelta(hours=3))
        self.objects[RECORD_KEY] = StoredObject(as_json(self.release).encode(), "application/json", written=NOW)
        self.objects[CONFIGURATION_KEY] = StoredObject(CONFIGURATION, "application/json", written=NOW)

    def _deploy_cdn(self) -> None:
        common = {"ViewerProtocolPolicy": "redirect-to-https", "ResponseHeadersPolicyId": "security"}
        files = {"TargetOriginId": "site", "CachePolicyId": CACHING_OPTIMIZED, **common}
        api = {"TargetOriginId": "api", "CachePolicyId": CACHING_DISABLED, "PathPattern": API_PATHS, **common}
        api["OriginRequestPolicyId"] = ALL_VIEWER_EXCEPT_HOST_HEADER
        self.distribution: dict[str, Any] = {
            "Enabled": True,
            "PriceClass": "PriceClass_100",
            "Aliases": {"Quantity": 0},
            "CustomErrorResponses": {
                "Items": [{"ErrorCode": code, "ErrorCachingMinTTL": held} for code, held in ERRORS_HELD.items()]
            },
            "DefaultCacheBehavior": {"TargetOriginId": "api", "CachePolicyId": "pages", **common},
            "CacheBehaviors": {"Items": [api, *({**files, "PathPattern": pattern} for pattern in PATH_PATTERNS)]},
        }
        self.distribution_changed = NOW - timedelta(hours=2)
        self.cache_policy = {"Name": f"{PROJECT}-test-pages", "MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 86400}
        transport = {"AccessControlMaxAgeSec": 31536000, "IncludeSubdomains": False, "Override": True, "Preload": False}
        policy = content_security_policy(self.settings, "media", SIGN_IN_URL)
        self.headers_policy: dict[str, Any] = {
            "Name": f"{PROJECT}-test-security",
            "SecurityHeadersConfig": {
                "ContentSecurityPolicy": {"Override": True, "ContentSecurityPolicy": policy},
                "ContentTypeOptions": {"Override": True},
                "FrameOptions": {"Override": True, "FrameOption": "DENY"},
                "ReferrerPolicy": {"Override": True, "ReferrerPolicy": "strict-origin-when-cross-origin"},
                "StrictTransportSecurity": transport,
            },
        }

    def _serve(self) -> None:
        build = self.package.sha256
        for url, package in ((CODE_URL, self.package), (ADMIN_CODE_URL, self.admin_package)):
            self.web[url] = (200, package.path.read_bytes())
        for base in (API_URL, CDN_URL):
            self.web[base] = (200, f"<!doctype html><footer>{build}</footer></html>".encode())
            self.web[f"{base}api/admin/health"] = (401, b"{}")
            self.web[f"{base}health"] = (200, f'{{"build_id": "{build}"}}'.encode())
        for key, content in self._static_content().items():
            self.web[f"{CDN_URL}{key}"] = (200, content)
        self.web[f"{CDN_URL}{RECORD_KEY}"] = (200, as_json(self.release).encode())
        self.web[f"{CDN_URL}{CONFIGURATION_KEY}"] = (200, CONFIGURATION)


@dataclass
class Paginator:
    pages: Iterable[dict[str, Any]]

    def paginate(self, **_: Any) -> Iterable[dict[str, Any]]:
        return self.pages
