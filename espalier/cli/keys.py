"""``espalier keys``: Ed25519 key pairs for models and for tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bundle import write_key_pair
from espalier.cli.output import JsonOption, print_json, say

__all__ = ["keys"]


def keys(
    name: Annotated[str, typer.Argument(help="Purpose of the keys: model or jwt.")],
    directory: Annotated[Path, typer.Option(help="Folder for the two files.")] = Path(".espalier/keys"),
    json: JsonOption = False,
) -> None:
    """Create a key pair, NAME.key.pem and NAME.pub.pem; existing files are never overwritten.

    Examples: `espalier keys model --directory secrets`, `espalier keys jwt --directory secrets`
    """
    private, public = write_key_pair(directory, name)
    if json:
        print_json({"private": str(private), "public": str(public)})
    else:
        say(f"private key {private} (keep it secret), public key {public}")
