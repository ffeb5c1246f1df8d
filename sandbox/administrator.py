"""The sandbox's administrator: the one user of its user pool, who has a password made up here."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from releasing.files import write_whole
from sandbox.emulator import Emulator

NAME = "admin"
EMAIL = "admin@example.com"
PASSWORD_FILE = "admin-password"  # noqa: S105 a file's name
KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.!")
LENGTH = 20


@dataclass(frozen=True)
class Administrator:
    """A user's name and password."""

    name: str
    password: str


def ensure_administrator(emulator: Emulator, outputs: Mapping[str, Any]) -> Administrator:
    """The administrator, who is created where missing, and whose password stays while the sandbox's folder does."""
    client, pool = emulator.client("cognito-idp"), outputs["user_pool_id"]
    password = _password(emulator.folder / PASSWORD_FILE)
    user = {"UserPoolId": pool, "Username": NAME}
    try:
        client.admin_get_user(**user)
    except client.exceptions.UserNotFoundException:
        attributes = {"email": EMAIL, "email_verified": "true"}
        listed = [{"Name": name, "Value": value} for name, value in attributes.items()]
        client.admin_create_user(**user, UserAttributes=listed, TemporaryPassword=password, MessageAction="SUPPRESS")
    client.admin_set_user_password(**user, Password=password, Permanent=True)
    for group in client.list_groups(UserPoolId=pool)["Groups"]:
        client.admin_add_user_to_group(**user, GroupName=group["GroupName"])
    return Administrator(NAME, password)


def _password(file: Path) -> str:
    """The password in the file, which nobody else can read; at first, a random one with characters of each kind."""
    if not file.exists() or not file.read_text(encoding="utf-8"):
        characters = [secrets.choice(kind) for kind in KINDS]
        characters += [secrets.choice("".join(KINDS)) for _ in range(LENGTH - len(KINDS))]
        secrets.SystemRandom().shuffle(characters)
        write_whole(file, "".join(characters))
    return file.read_text(encoding="utf-8")
