"""The admin API: the Lambda function through which administrators run experiments, watch them and talk about them."""

import re
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from components.experiment_store import ExperimentStore
from components.http_api import HttpApi
from components.job_queue import JobQueue
from components.permissions import allow
from components.released_function import Code, Configuration, ReleasedFunction
from components.renderer import Renderer, shared_environment
from components.settings import Settings
from components.sign_in import ADMIN_GROUP
from releasing.lambda_package import CACHE_DIR, LambdaPackage, package_source
from releasing.served import ADMIN_HEALTH

HANDLER = "admin_api.handler"
CONTENTS = ("admin_api.py", "experiments", "experiments/jobs", "web", "admin", "admin/chat")
"""Its files and folders."""
MEMORY_MB = 512
# The most that is of use: API Gateway gives up after 30.
TIMEOUT_SECONDS = 29
# The regions among which it looks for capacity, and the model's own id:
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
INFERENCE_PROFILE = re.compile(r"(?:apac|au|ca|eu|global|jp|us|us-gov)\.(?P<model>.+)")


class AdminApi(ReleasedFunction):
    """The function that changes experiments; it shares the renderer's dependencies, not its role."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        store: ExperimentStore,
        job_queue: JobQueue,
        renderer: Renderer,
        api: HttpApi,
        source: Path,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:lambda:AdminApi", name, settings, settings.name("admin-api"), opts)
        self._release(
            Code(package_admin_api(source), renderer.layer),
            admin_api_configuration(
                settings,
                admin_function=self.function_name,
                api_id=api.api.id,
                dead_letter_queue_url=job_queue.dead_letters.url,
                job_queue_url=job_queue.queue.url,
                media_bucket=store.media.bucket,
                renderer_function=renderer.function_name,
                table_name=store.table.name,
            ),
            allowed=[*_statements(store, job_queue), *_chat_statements(settings, store.table.region)],
            checked_at=(ADMIN_HEALTH,),
        )


def admin_api_configuration(
    settings: Settings,
    *,
    admin_function: str,
    api_id: pulumi.Input[str],
    dead_letter_queue_url: pulumi.Input[str],
    job_queue_url: pulumi.Input[str],
    media_bucket: pulumi.Input[str],
    renderer_function: str,
    table_name: pulumi.Input[str],
) -> Configuration:
    """How the admin API runs; the arguments are named as the stack's outputs are."""
    return Configuration(
        description="Lets administrators run, watch and discuss experiments.",
        handler=HANDLER,
        memory_mb=MEMORY_MB,
        timeout_seconds=TIMEOUT_SECONDS,
        environment={
            **shared_environment(settings, media_bucket, table_name),
            "ADMIN_FUNCTION": admin_function,
            "ADMIN_GROUP": ADMIN_GROUP,
            "API_ID": api_id,
            "CHAT_MODEL": settings.chat_model,
            "CHAT_MONTHLY_USD": settings.chat_monthly_usd,
            "DEAD_LETTER_QUEUE_URL": dead_letter_queue_url,
            "JOB_QUEUE_URL": job_queue_url,
            "RENDERER_FUNCTION": renderer_function,
        },
    )


def package_admin_api(source: Path, cache: Path = CACHE_DIR) -> LambdaPackage:
    """Zip what the admin API runs of the functions' source folder; errors are those of `package_source`."""
    return package_source(source, "admin-api", CONTENTS, cache)


def _statements(store: ExperimentStore, job_queue: JobQueue) -> list[dict[str, Any]]:
    """Changing experiments and deleting their files, queueing jobs, looking at queues and error rates."""
    table, media = store.table, store.media
    change = ["ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"]
    return [
        allow("ReadExperiments", "dynamodb:Query", [table.arn, *store.index_arns]),
        # A transaction takes the permissions of what it is made of.
        allow("ChangeExperiments", [f"dynamodb:{action}" for action in ("BatchWriteItem", *change)], table.arn),
        allow("DeleteArtefacts", "s3:DeleteObject", pulumi.Output.concat(media.arn, "/experiments/*")),
        allow("ListArtefacts", "s3:ListBucket", media.arn, {"StringLike": {"s3:prefix": "experiments/*"}}),
        allow("QueueJobs", "sqs:SendMessage", job_queue.queue.arn),
        allow("SeeQueues", "sqs:GetQueueAttributes", [job_queue.queue.arn, job_queue.dead_letters.arn]),
        # CloudWatch's metrics are no resources, so that nothing narrower can be named:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
        allow("SeeErrorRates", "cloudwatch:GetMetricData", "*"),
    ]


def _chat_statements(settings: Settings, region: pulumi.Output[str]) -> list[dict[str, Any]]:
    """Asking the model, if one is configured.

    An inference profile hands a request on to its model in some region, which takes the permission for both:
    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
    """
    if not settings.chat_model:
        return []
    models = "arn:aws:bedrock:{region}::foundation-model/{model}"
    if not (profile := INFERENCE_PROFILE.fullmatch(settings.chat_model)):
        model = pulumi.Output.format(models, region=region, model=settings.chat_model)
        return [allow("AskTheModel", "bedrock:InvokeModel", model)]
    account = aws.get_caller_identity_output().account_id
    arn = pulumi.Output.concat("arn:aws:bedrock:", region, ":", account, ":inference-profile/", settings.chat_model)
    return [
        allow("AskTheProfile", "bedrock:InvokeModel", arn),
        allow(
            "LetTheProfileAskItsModel",
            "bedrock:InvokeModel",
            models.format(region="*", model=profile["model"]),
            {"StringEquals": {"bedrock:InferenceProfileArn": arn}},
        ),
    ]
