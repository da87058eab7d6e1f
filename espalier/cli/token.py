"""``espalier token``: log in and print an access token."""

from __future__ import annotations

from typing import Annotated

import typer

from espalier.cli.client import CaOption, UrlOption, connect
from espalier.cli.output import JsonOption, console, print_json
from espalier.client import get_token

__all__ = ["token"]


def token(
    user: Annotated[str, typer.Option(help="Name to log in with.")],
    password: Annotated[
        str, typer.Option(envvar="ESPALIER_PASSWORD", prompt=True, hide_input=True, help="Password; default: prompt.")
    ],
    url: UrlOption = "https://localhost:8443",
    cacert: CaOption = None,
    json: JsonOption = False,
) -> None:
    """Print an access token.

    Example: `TOKEN=$(ESPALIER_PASSWORD=… espalier token --user ana)`
    """
    with connect(url, cacert) as client:
        answer = get_token(client, user, password)
    if json:
        print_json(answer)
    else:
        console.print(answer["access_token"], soft_wrap=True)
