"""``espalier feedback``: send the true labels of predicted rows."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from espalier.cli.client import CaOption, PasswordFileOption, TokenOption, UrlOption, UserOption, connect
from espalier.cli.output import CommandFailed, JsonOption, StateOption, print_json, say

if TYPE_CHECKING:
    from espalier.client import Receipt

__all__ = ["feedback"]


def feedback(  # noqa: PLR0913, PLR0917 - each is an option
    answer: Annotated[Path, typer.Argument(help="Output of espalier predict --json.")],
    labels: Annotated[
        Path, typer.Argument(help="Text file with the true label, or number, of each row; an empty line if unknown.")
    ],
    user: UserOption = "",
    password_file: PasswordFileOption = None,
    token: TokenOption = None,
    url: UrlOption = "",
    cacert: CaOption = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Send the true labels of predicted rows, or the true values. Each row counts once, even if it is sent again.

    The user needs the scope feedback:write.

    Example: `espalier predict day.csv --user ana --json > answer.json`, and when the labels are known:
    `espalier feedback answer.json truth.txt --user ana`
    """
    (receipts, are_numbers), truth = _read_receipts(answer), _read_lines(labels)
    if are_numbers:
        truth = _as_numbers(truth, labels)
    with connect(url, user, password_file, token, cacert, state) as client:
        taken = client.feedback(receipts, truth)
    if json:
        print_json(asdict(taken))
        return
    say(f"{taken.counted} row(s) counted, {taken.already_counted} were already counted")


def _read_receipts(path: Path) -> tuple[list[Receipt], bool]:
    """Return what feedback needs, and whether numbers were predicted."""
    from espalier.client import Receipt, RegressionPrediction

    try:
        answer = jsonlib.loads(path.read_text(encoding="utf-8"))
        receipts = [Receipt(str(item["token"]), int(item["rows"])) for item in answer["feedback_tokens"]]
        return receipts, answer.get("target_type") == RegressionPrediction.type
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandFailed(
            f"{path} has no feedback tokens; create it with: espalier predict ROWS --json > {path}"
        ) from error


def _read_lines(path: Path) -> list[str | float | None]:
    try:
        return [line.strip() or None for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error


def _as_numbers(lines: list[str | float | None], path: Path) -> list[str | float | None]:
    numbers: list[str | float | None] = []
    for place, line in enumerate(lines, start=1):
        try:
            numbers.append(None if line is None else float(line))
        except ValueError as error:
            raise CommandFailed(f"{path}, line {place}: {line} is not a number, which the model predicts") from error
    return numbers
