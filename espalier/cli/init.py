"""``espalier init``: a project from a table."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from espalier.cli.output import CommandFailed, JsonOption, console, print_json, print_table, say

if TYPE_CHECKING:
    from pipelines.new_project.columns import Decision
    from pipelines.new_project.draft import Draft

__all__ = ["init"]

SHOWN_COLUMNS = 60
LONGEST_NAME = 63


class Kind(StrEnum):
    """Types of target."""

    binary = "binary"
    multiclass = "multiclass"
    regression = "regression"


def init(  # noqa: PLR0913, PLR0917 - each is an option
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A .csv or .parquet file with a header.")],
    target: Annotated[str, typer.Option(help="The column to predict.")],
    project: Annotated[
        Path | None, typer.Option(help="Folder of the new project; default: one named like the table.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Column with the time of each row; default: the likeliest one.")
    ] = None,
    no_time: Annotated[bool, typer.Option("--no-time", help="Split the rows at random, not by time.")] = False,
    kind: Annotated[Kind | None, typer.Option("--type", help="Type of the target; default: by its values.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Column to leave out; may be repeated.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; default: that of the folder.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of a project that is there.")] = False,
    json: JsonOption = False,
) -> None:
    """Make a project from a table: schema.yaml, params.yaml, the table and its .dvc pointer.

    Looks at every column (type, range, categories, empty cells, time, identifiers, features that predict the target
    alone), tries the files on the table, and says what to check. If the table cannot be used, nothing is written.

    Examples: `espalier init customers.csv --target churned`, `espalier init sales.parquet --target price --type
    regression --time sold_at --project projects/prices`
    """
    from pipelines.new_project.draft import Wish, draft_project
    from pipelines.new_project.files import check_free, write_project

    if time is not None and no_time:
        raise CommandFailed("--time and --no-time exclude each other")
    folder = project or Path(table.stem)
    wish = Wish(
        target=target,
        name=_model_name(name, folder),
        kind=None if kind is None else kind.value,
        time=time,
        has_time=not no_time,
        without=tuple(without or ()),
    )
    if not force:
        check_free(folder, table)
    draft = draft_project(table, wish)
    write_project(folder, table, draft)
    print_json(_as_json(folder, wish.name, draft)) if json else _report(folder, wish.name, draft)


def _model_name(name: str | None, folder: Path) -> str:
    if name is not None:
        if not re.fullmatch(rf"[a-z0-9][a-z0-9-]{{0,{LONGEST_NAME - 1}}}", name):
            raise CommandFailed(
                f"--name {name}: a name has 1 to {LONGEST_NAME} lower-case letters, digits and hyphens, and does not "
                "begin with a hyphen"
            )
        return name
    plain = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:LONGEST_NAME].strip("-")
    return plain or "model"


def _as_json(folder: Path, name: str, draft: Draft) -> dict[str, Any]:
    column = draft.target.column
    return {
        "project": str(folder),
        "model_name": name,
        "rows": draft.rows,
        "target": {"name": column.name, "type": column.type, "classes": column.classes, "shares": draft.target.shares},
        "time": None if draft.time is None else draft.time.model_dump(mode="json"),
        "columns": [
            {
                "name": one.values.name,
                "role": one.role,
                "type": None if one.feature is None or one.role != "feature" else one.feature.type,
                "why": one.why,
                "missing_share": one.values.missing_share,
                "alone": one.alone,
            }
            for one in draft.decisions
        ],
        "check": draft.checks,
        "next": _next(folder),
    }


def _report(folder: Path, name: str, draft: Draft) -> None:
    rows = [[draft.target.column.name, "target", draft.target.column.type, _target(draft)]]
    if draft.time is not None:
        rows.append([draft.time.name, "time", "", f"time zone {draft.time.timezone}"])
    rows += [_line(one) for one in draft.decisions]
    shown = [[escape(_printable(cell)) for cell in row] for row in rows[:SHOWN_COLUMNS]]
    print_table(f"{draft.rows:,} rows, {len(rows)} columns", ["column", "is", "type", "found"], shown)
    if len(rows) > SHOWN_COLUMNS:
        console.print(f"… and {len(rows) - SHOWN_COLUMNS} more columns, in {folder}/pipelines/schema.yaml")
    console.print("\n[bold]Check this[/]")
    for place, check in enumerate(draft.checks, start=1):
        console.print(f"{place:>2}. {escape(_printable(check))}", soft_wrap=True)
    console.print("\n[bold]Next[/]")
    for command in _next(folder):
        console.print(f"  {escape(command)}", soft_wrap=True)
    say(f"\nmodel {name}: wrote {folder}/pipelines/schema.yaml, params.yaml and data")


def _target(draft: Draft) -> str:
    shares = draft.target.shares
    if not shares:
        known = draft.target.truth[draft.target.truth == draft.target.truth]
        return f"{known.min():g} to {known.max():g}, mean {known.mean():.4g}"
    return ", ".join(f"{label} {share:.1%}" for label, share in list(shares.items())[:5])


def _line(decision: Decision) -> list[str]:
    kind = decision.feature.type if decision.feature is not None and decision.role == "feature" else ""
    return [decision.values.name, decision.role, kind, decision.why]


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _next(folder: Path) -> list[str]:
    import shlex

    where = shlex.quote(str(folder))
    return [
        f"espalier data report --project {where}",
        f"espalier demo --project {where}",
        f"espalier serve --project {where}",
    ]
