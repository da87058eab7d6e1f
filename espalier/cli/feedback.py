"""``espalier feedback``: tell how the rows of a prediction turned out."""

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
    answer: Annotated[Path, typer.Argument(help="What espalier predict --json printed.")],
    labels: Annotated[Path, typer.Argument(help="A text file: the true label of each row, an empty line if unknown.")],
    token: TokenOption = None,
    user: UserOption = None,
    password: PasswordOption = None,
    url: UrlOption = "https://localhost:8443",
    cacert: CaOption = None,
    json: JsonOption = False,
) -> None:
    """Send the true labels of rows that were predicted; each row counts once, however often it is sent.

    The user needs the scope feedback:write.

    Example: `espalier predict day.csv --user ana --json > answer.json`, and when the truth is known:
    `espalier feedback answer.json truth.txt --user ana`
    """
    items = _pair(_read_tokens(answer), _read_labels(labels))
    taken = {"counted": 0, "already_counted": 0}
    with connect(url, cacert, credentials(token, user, password)) as client:
        for item in items:
            found = call(client, "POST", "/v1/feedback", json={"feedback": [item]})
            taken = {name: number + found[name] for name, number in taken.items()}
    if json:
        print_json(taken)
        return
    say(f"{taken['counted']} row(s) counted, {taken['already_counted']} had been before")


def _read_tokens(path: Path) -> list[tuple[str, int]]:
    """Return the token of each request that the prediction took, and how many rows it is for."""
    try:
        found = jsonlib.loads(path.read_text(encoding="utf-8"))["feedback_tokens"]
        return [(str(one["token"]), int(one["rows"])) for one in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandFailed(
            f"{path} holds no answer of a prediction; keep one with: espalier predict ROWS --json > {path}"
        ) from error


def _pair(tokens: list[tuple[str, int]], labels: list[str | None]) -> list[dict[str, Any]]:
    """Give each token the labels of its rows."""
    rows = sum(number for _, number in tokens)
    if len(labels) != rows:
        raise CommandFailed(f"{rows:,} rows were predicted, but there are {len(labels):,} lines with labels")
    left = iter(labels)
    return [{"feedback_token": token, "labels": list(islice(left, number))} for token, number in tokens]


def _read_labels(path: Path) -> list[str | None]:
    try:
        return [line.strip() or None for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error
