"""The dashboard's stack: settings, components, outputs."""

from pathlib import Path

import pulumi

from components.admin_api import AdminApi
from components.cdn import Cdn
from components.custom_domain import CustomDomain
from components.experiment_store import ExperimentStore
from components.http_api import HttpApi
from components.imports import refuse_what_users_would_see
from components.invalidation import Invalidation
from components.job_queue import JobQueue
from components.keep_awake import KeepAwake
from components.release import Release
from components.renderer import Renderer
from components.settings import Settings, running_configuration
from components.sign_in import AdminPage, SignIn
from components.static_site import StaticSite
from components.worker_role import WorkerRole
from releasing.checkout import Checkout
from releasing.worker_package import package_worker

ROOT = Path(__file__).parent
LAMBDA = ROOT / "lambda"

settings = Settings.load()
refuse_what_users_would_see(settings, running_configuration())

store = ExperimentStore("experiment-store", settings)
job_queue = JobQueue("job-queue", settings)
worker_role = WorkerRole("worker-role", settings, store, job_queue)
worker = package_worker(ROOT)
if settings.gpu_hosts_maximum:
    # Its part of the SDK takes longer to import than all the others together.
    from components.gpu_hosts import GpuHosts

    GpuHosts("gpu-hosts", settings, store, job_queue, worker_role, worker)
renderer = Renderer("renderer", settings, store, source=LAMBDA)
api = HttpApi("http-api", settings, renderer)
admin_api = AdminApi("admin-api", settings, store, job_queue, renderer, api, source=LAMBDA)
sign_in = SignIn("sign-in", settings)
KeepAwake("keep-awake", settings, [renderer, admin_api])
released_with = [renderer.gate, admin_api.gate]
site = StaticSite("static-site", settings, folder=ROOT / "dashboard", released_with=released_with)
domain = CustomDomain("custom-domain", settings) if settings.domain else None
cdn = Cdn("cdn", settings, api, site, store, sign_in, domain)
if domain and settings.served_domain:
    domain.create_alias_records(cdn.distribution)
admin_page = AdminPage("admin-page", settings, sign_in, site, cdn.url)
api.add_admin_route(admin_api, sign_in, admin_page)
invalidation = Invalidation("invalidation", settings, cdn, renderer, site)
release = Release(
    "release",
    settings,
    Checkout.of(ROOT),
    store,
    renderer,
    admin_api,
    api,
    site,
    admin_page,
    cdn,
    invalidation,
    domain,
)

pulumi.export("dashboard_url", cdn.url.apply(lambda url: f"{url}/"))
pulumi.export("admin_url", cdn.url.apply(lambda url: f"{url}/admin.html"))
pulumi.export("api_url", api.url.apply(lambda url: f"{url}/"))
pulumi.export("api_id", api.api.id)
pulumi.export("distribution_id", cdn.distribution.id)
pulumi.export("site_bucket", site.bucket.bucket)
pulumi.export("media_bucket", store.media.bucket)
pulumi.export("table_name", store.table.name)
pulumi.export("job_queue_url", job_queue.queue.url)
pulumi.export("dead_letter_queue_url", job_queue.dead_letters.url)
pulumi.export("sign_in_url", sign_in.url)
pulumi.export("user_pool_id", sign_in.pool.id)
pulumi.export("client_id", admin_page.client_id)
pulumi.export("worker_role", worker_role.role.arn)
pulumi.export("worker_build", worker.build)
pulumi.export("renderer_function", renderer.function.name)
pulumi.export("renderer_code_sha256", renderer.function.code_sha256)
pulumi.export("renderer_version", renderer.alias.function_version)
pulumi.export("admin_function", admin_api.function.name)
pulumi.export("admin_version", admin_api.alias.function_version)
pulumi.export("release", release.record)
