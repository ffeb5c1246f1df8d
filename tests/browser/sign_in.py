"""Signs the sandbox's administrator in by hand: at the admin page, and at the user pool's page that it leads to."""

from pathlib import Path

from playwright.sync_api import Page

from sandbox.administrator import NAME, PASSWORD_FILE


def sign_in(page: Page, admin_url: str, sandbox: Path) -> None:
    """Open the admin page and sign in with the password in the sandbox's folder; waits until it is done."""
    page.goto(admin_url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill((sandbox / PASSWORD_FILE).read_text(encoding="utf-8"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(f"Signed in as {NAME}").wait_for()
