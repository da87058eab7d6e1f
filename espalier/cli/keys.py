"""``espalier keys``: Ed25519 key pairs for models and for tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bundle import write_key_pair
from espalier.cli.output import JsonOption, print_json, say

__all__ = ["keys"]


def keys(
    name: Annotated[str, typer.Argument(help="What they are for: model, or jwt.")],
    directory: Annotated[Path, typer.Option(help="Where the two files go.")] = Path(".espalier/keys"),
    json: JsonOption = False,
) -> None:
    """Make a key pair, NAME.key.pem and NAME.pub.pem; one that exists is never overwritten.

    Examples: `espalier keys model --directory secrets`, `espalier keys jwt --directory secrets`
    """
    private, public = write_key_pair(directory, name)
    if json:
        print_json({"private": str(private), "public": str(public)})
    else:
        say(f"private key {private} (keep it), public key {public}")
