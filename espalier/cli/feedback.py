"""``espalier feedback``: tell how the rows of a prediction turned out."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.client import CaOption, UrlOption, connect
from espalier.cli.output import CommandFailed, JsonOption, print_json, say
from espalier.client import call

__all__ = ["feedback"]


def feedback(
    answer: Annotated[Path, typer.Argument(help="What espalier predict --json printed.")],
    labels: Annotated[Path, typer.Argument(help="A text file: the true label of each row, an empty line if unknown.")],
    token: Annotated[str, typer.Option(envvar="ESPALIER_TOKEN", help="Access token with the scope feedback:write.")],
    url: UrlOption = "https://localhost:8443",
    cacert: CaOption = None,
    json: JsonOption = False,
) -> None:
    """Send the true labels of rows that were predicted; each row counts once, however often it is sent.

    Example: `espalier predict day.csv --json > answer.json`, and when the truth is known:
    `espalier feedback answer.json truth.txt`
    """
    item = {"feedback_token": _read_token(answer), "labels": _read_labels(labels)}
    headers = {"Authorization": f"Bearer {token}"}
    with connect(url, cacert) as client:
        taken = call(client, "POST", "/v1/feedback", headers=headers, json={"feedback": [item]})
    if json:
        print_json(taken)
        return
    say(f"{taken['counted']} row(s) counted, {taken['already_counted']} had been before")


def _read_token(path: Path) -> str:
    try:
        return str(jsonlib.loads(path.read_text(encoding="utf-8"))["feedback_token"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandFailed(
            f"{path} holds no answer of a prediction; keep one with: espalier predict ROWS --json > {path}"
        ) from error


def _read_labels(path: Path) -> list[str | None]:
    try:
        return [line.strip() or None for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error
