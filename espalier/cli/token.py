"""``espalier token``: log in and print an access token."""

from __future__ import annotations

from pathlib import Path

from espalier.cli.client import CaOption, PasswordFileOption, UrlOption, UserOption, connect
from espalier.cli.output import JsonOption, StateOption, console, print_json

__all__ = ["token"]


def token(
    user: UserOption = "",
    password_file: PasswordFileOption = None,
    url: UrlOption = "",
    cacert: CaOption = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Print an access token.

    Example: `TOKEN=$(espalier token --user ana)`
    """
    with connect(url, user, password_file, None, cacert, state) as client:
        answer = client.log_in()
    if json:
        print_json(answer)
    else:
        console.print(answer["access_token"], soft_wrap=True)
