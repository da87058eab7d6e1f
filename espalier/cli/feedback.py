"""``espalier feedback``: send the true labels of predicted rows."""

from __future__ import annotations

import json as jsonlib
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from espalier.cli.client import CaOption, PasswordOption, TokenOption, UrlOption, UserOption, connect, credentials
from espalier.cli.output import CommandFailed, JsonOption, print_json, say
from espalier.client import call

__all__ = ["feedback"]


def feedback(  # noqa: PLR0913, PLR0917 - each is an option
    answer: Annotated[Path, typer.Argument(help="Output of espalier predict --json.")],
    labels: Annotated[
        Path, typer.Argument(help="Text file with the true label of each row; an empty line if unknown.")
    ],
    token: TokenOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    url: UrlOption = "https://localhost:8443",
    cacert: CaOption = None,
    json: JsonOption = False,
) -> None:
    """Send the true labels of predicted rows. Each row counts once, even if it is sent again.

    The user needs the scope feedback:write.

    Example: `espalier predict day.csv --user ana --json > answer.json`, and when the labels are known:
    `espalier feedback answer.json truth.txt --user ana`
    """
    items = _pair(_read_tokens(answer), _read_labels(labels))
    total = {"counted": 0, "already_counted": 0}
    with connect(url, cacert, credentials(token, user, password)) as client:
        for item in items:
            counts = call(client, "POST", "/v1/feedback", json={"feedback": [item]})
            total = {name: number + counts[name] for name, number in total.items()}
    if json:
        print_json(total)
        return
    say(f"{total['counted']} row(s) counted, {total['already_counted']} were already counted")


def _read_tokens(path: Path) -> list[tuple[str, int]]:
    """Return the feedback token of each request, and its number of rows."""
    try:
        tokens = jsonlib.loads(path.read_text(encoding="utf-8"))["feedback_tokens"]
        return [(str(item["token"]), int(item["rows"])) for item in tokens]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandFailed(
            f"{path} has no feedback tokens; create it with: espalier predict ROWS --json > {path}"
        ) from error


def _pair(tokens: list[tuple[str, int]], labels: list[str | None]) -> list[dict[str, Any]]:
    """Assign to each token the labels of its rows."""
    rows = sum(number for _, number in tokens)
    if len(labels) != rows:
        raise CommandFailed(f"{rows:,} rows were predicted, but the file has {len(labels):,} labels")
    left = iter(labels)
    return [{"feedback_token": token, "labels": list(islice(left, number))} for token, number in tokens]


def _read_labels(path: Path) -> list[str | None]:
    try:
        return [line.strip() or None for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error
