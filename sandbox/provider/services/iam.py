"""IAM: roles, their policies, and the instance profiles that give them to EC2."""

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, Setting, unless_gone
from sandbox.provider.shape import Document, Field


class Role(Resource):
    """A role."""

    found_in = "Role"
    inputs = {
        "name": Field(aws="RoleName"),
        "assumeRolePolicy": Document(aws="AssumeRolePolicyDocument"),
        "description": "",
        "maxSessionDuration": 3600,
    }
    identity = "{name}"
    outputs = {"arn": "Role.Arn", "createDate": "Role.CreateDate", "uniqueId": "Role.RoleId"}
    tagged = True
    apart = {"trust": ("assumeRolePolicy",)}
    bears = {"creates": ("MalformedPolicyDocument",), "deletes": ("DeleteConflict",)}
    differs_in = "policies given with it, or to it by hand, which there go with it"

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        """Its creation takes everything."""

    def trust(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        aws.client("iam").update_assume_role_policy(RoleName=identifier, PolicyDocument=inputs["assumeRolePolicy"])

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """Take it out of instance profiles first."""
        iam = aws.client("iam")
        for profile in iam.list_instance_profiles_for_role(RoleName=identifier)["InstanceProfiles"]:
            name = profile["InstanceProfileName"]
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=identifier)
        super().delete(aws, identifier, known)


class RolePolicy(Setting):
    """A policy written into a role."""

    inputs = {
        "name": Field(aws="PolicyName"),
        "role": Field(aws="RoleName"),
        "policy": Document(aws="PolicyDocument"),
    }
    identity = "{role}:{name}"


class RolePolicyAttachment(Setting):
    """A managed policy that a role has."""

    noun = "role_policy"
    creates, deletes = "attach_{}", "detach_{}"
    reads, found_in = "list_attached_role_policies", "AttachedPolicies"
    inputs = {"role": Field(aws="RoleName"), "policyArn": None}
    identity = "{role}/{policyArn}"
    deleted_first = True
    differs_in = "its id, there of the role's name and a random end"


class InstanceProfile(Resource):
    """What gives instances a role."""

    found_in = "InstanceProfile"
    inputs = {"name": Field(aws="InstanceProfileName"), "role": Field(aws="Roles.RoleName")}
    identity = "{name}"
    apart = {"carry": ("role",)}
    outputs = {"arn": "InstanceProfile.Arn"}
    tagged = True
    waits_for = "its role"

    def carry(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        """Put the role into it, in the place of the one that it has."""
        self._take(aws, identifier, known)
        if role := inputs.get("role"):
            aws.client("iam").add_role_to_instance_profile(InstanceProfileName=identifier, RoleName=role)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        self._take(aws, identifier, known)
        super().delete(aws, identifier, known)

    def _take(self, aws: Aws, name: str, known: Properties) -> None:
        """Take the role out; one that is gone already is out."""
        request = {"InstanceProfileName": name, "RoleName": known.get("role")}
        if known.get("role"):
            unless_gone(lambda: aws.client("iam").remove_role_from_instance_profile(**request))
