"""Signs in at the sandbox's user pool as the admin page does: by its pages, an authorization code and PKCE."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from sandbox.administrator import NAME, PASSWORD_FILE
from tests.project_copy import ProjectCopy

HIDDEN_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
SCOPE = "openid email"


@dataclass(frozen=True)
class Tokens:
    """What signing in gives."""

    access: str
    id: str
    refresh: str


@dataclass(frozen=True)
class SignInPages:
    """The pages and endpoints of the user pool for one client."""

    url: str
    client_id: str
    redirect_uri: str

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> "SignInPages":
        """Those of the stack's admin page."""
        return cls(outputs["sign_in_url"], outputs["client_id"], outputs["admin_url"])

    def sign_in(self, name: str, password: str) -> Tokens:
        """A user's tokens."""
        verifier = secrets.token_urlsafe(48)
        return self._tokens(self._code(name, password, verifier), verifier)

    def post(self, path: str, **form: str) -> requests.Response:
        """Post a form of the client's."""
        return requests.post(f"{self.url}{path}", {"client_id": self.client_id, **form}, timeout=30)

    def _code(self, name: str, password: str, verifier: str) -> str:
        request = {
            "client_id": self.client_id,
            "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("="),
            "code_challenge_method": "S256",
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": SCOPE,
            "state": "any",
        }
        page = requests.get(f"{self.url}/oauth2/authorize", request, timeout=30)
        form = {**dict(HIDDEN_FIELD.findall(page.text)), "username": name, "password": password}
        answer = requests.post(f"{self.url}/login", form, timeout=30, allow_redirects=False)
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    def _tokens(self, code: str, verifier: str) -> Tokens:
        grant = {"grant_type": "authorization_code", "redirect_uri": self.redirect_uri}
        answer = self.post("/oauth2/token", code=code, code_verifier=verifier, **grant).json()
        return Tokens(answer["access_token"], answer["id_token"], answer["refresh_token"])


def administrator(project: ProjectCopy, outputs: Mapping[str, Any]) -> Tokens:
    """The tokens of the sandbox's administrator."""
    password = (project.emulator.folder / PASSWORD_FILE).read_text(encoding="utf-8")
    return SignInPages.of(outputs).sign_in(NAME, password)
