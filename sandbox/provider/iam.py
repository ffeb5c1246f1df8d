"""IAM: roles, their policies, and the instance profiles that give them to EC2."""

import json
from typing import Any
from urllib.parse import unquote

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, Setting, superfluous_tags, tag_list, tag_map
from sandbox.provider.shape import Block, Document, Field

DEFAULT_SESSION_SECONDS = 3600


class Role(Resource):
    """A role."""

    tokens = ("aws:iam/role:Role",)
    inputs = Block(
        fields={
            "name": Field(required=True),
            "assumeRolePolicy": Document(required=True),
            "description": Field(default=""),
            "maxSessionDuration": Field(default=DEFAULT_SESSION_SECONDS),
            "permissionsBoundary": Field(default=""),
        }
    )
    identity = ("name",)
    computed = ("arn", "createDate", "tagsAll", "uniqueId")
    tagged = True
    regional = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        boundary = inputs.get("permissionsBoundary")
        aws.client("iam").create_role(
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Description=inputs.get("description", ""),
            MaxSessionDuration=inputs.get("maxSessionDuration", DEFAULT_SESSION_SECONDS),
            Tags=tag_list(aws.tags(inputs)),
            **({"PermissionsBoundary": boundary} if boundary else {}),
        )
        return str(inputs["name"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        iam = aws.client("iam")
        role = iam.get_role(RoleName=identifier)["Role"]
        tags = iam.get_paginator("list_role_tags").paginate(RoleName=identifier)
        return {
            "name": role["RoleName"],
            "assumeRolePolicy": _policy_text(role["AssumeRolePolicyDocument"]),
            "description": role.get("Description", ""),
            "maxSessionDuration": role.get("MaxSessionDuration", DEFAULT_SESSION_SECONDS),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "arn": role["Arn"],
            "uniqueId": role["RoleId"],
            "createDate": role["CreateDate"].isoformat(),
            "tagsAll": tag_map(tag for page in tags for tag in page["Tags"]),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        iam = aws.client("iam")
        if "assumeRolePolicy" in changed:
            iam.update_assume_role_policy(RoleName=identifier, PolicyDocument=inputs["assumeRolePolicy"])
        if changed & {"description", "maxSessionDuration"}:
            iam.update_role(
                RoleName=identifier,
                Description=inputs.get("description", ""),
                MaxSessionDuration=inputs.get("maxSessionDuration", DEFAULT_SESSION_SECONDS),
            )
        if "permissionsBoundary" in changed:
            if boundary := inputs.get("permissionsBoundary"):
                iam.put_role_permissions_boundary(RoleName=identifier, PermissionsBoundary=boundary)
            else:
                iam.delete_role_permissions_boundary(RoleName=identifier)
        if "tags" in changed:
            tags = aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                iam.untag_role(RoleName=identifier, TagKeys=keys)
            if tags:
                iam.tag_role(RoleName=identifier, Tags=tag_list(tags))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("iam").delete_role(RoleName=identifier)


class RolePolicy(Setting):
    """A policy written into a role."""

    tokens = ("aws:iam/rolePolicy:RolePolicy",)
    inputs = Block(
        fields={"name": Field(required=True), "role": Field(required=True), "policy": Document(required=True)}
    )
    identity = ("role", "name")
    imported_as = "(?P<role>[^:]+):(?P<name>.+)"
    regional = False

    def identifier(self, inputs: Properties) -> str:
        return f"{inputs['role']}:{inputs['name']}"

    def put(self, aws: Aws, inputs: Properties) -> None:
        aws.client("iam").put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
        )

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        response = aws.client("iam").get_role_policy(RoleName=known["role"], PolicyName=known["name"])
        return {
            "role": response["RoleName"],
            "name": response["PolicyName"],
            "policy": _policy_text(response["PolicyDocument"]),
        }

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("iam").delete_role_policy(RoleName=known["role"], PolicyName=known["name"])


class RolePolicyAttachment(Setting):
    """A managed policy that a role has."""

    tokens = ("aws:iam/rolePolicyAttachment:RolePolicyAttachment",)
    inputs = Block(fields={"role": Field(required=True), "policyArn": Field(required=True)})
    identity = ("role", "policyArn")
    deleted_first = True
    imported_as = "(?P<role>[^/]+)/(?P<policyArn>.+)"
    regional = False

    def put(self, aws: Aws, inputs: Properties) -> None:
        aws.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        pages = aws.client("iam").get_paginator("list_attached_role_policies").paginate(RoleName=known["role"])
        attached = {policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]}
        return {"role": known["role"], "policyArn": known["policyArn"]} if known["policyArn"] in attached else None

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("iam").detach_role_policy(RoleName=known["role"], PolicyArn=known["policyArn"])


class InstanceProfile(Resource):
    """What gives instances a role."""

    tokens = ("aws:iam/instanceProfile:InstanceProfile",)
    inputs = Block(fields={"name": Field(required=True), "role": Field()})
    identity = ("name",)
    computed = ("arn", "tagsAll")
    tagged = True
    regional = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        name = str(inputs["name"])
        aws.client("iam").create_instance_profile(InstanceProfileName=name, Tags=tag_list(aws.tags(inputs)))
        return name

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        if role := inputs.get("role"):
            aws.client("iam").add_role_to_instance_profile(InstanceProfileName=identifier, RoleName=role)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        profile = aws.client("iam").get_instance_profile(InstanceProfileName=identifier)["InstanceProfile"]
        return {
            "name": identifier,
            "role": next((role["RoleName"] for role in profile["Roles"]), None),
            "arn": profile["Arn"],
            "tagsAll": tag_map(profile.get("Tags", [])),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        iam = aws.client("iam")
        if "role" in changed:
            self._take(aws, identifier, known)
            self.complete(aws, identifier, inputs)
        if "tags" in changed:
            tags = aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                iam.untag_instance_profile(InstanceProfileName=identifier, TagKeys=keys)
            if tags:
                iam.tag_instance_profile(InstanceProfileName=identifier, Tags=tag_list(tags))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        self._take(aws, identifier, known)
        aws.client("iam").delete_instance_profile(InstanceProfileName=identifier)

    def _take(self, aws: Aws, name: str, known: Properties) -> None:
        if role := known.get("role"):
            aws.client("iam").remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)


def _policy_text(document: Any) -> str:
    """IAM's policies, which boto3 has parsed where it could, as the text that Pulumi knows."""
    return unquote(document) if isinstance(document, str) else json.dumps(document)
