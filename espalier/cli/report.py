"""``espalier data report``: one HTML page about the table of a project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundle.vocabulary import CHAMPION
from espalier.cli.chosen_model import chosen_model
from espalier.cli.output import CommandFailed, JsonOption, ProjectOption, StateOption, console, print_json, say

if TYPE_CHECKING:
    from bundle import Bundle

__all__ = ["report"]

NO_MODEL = "There is no champion yet, so there is nothing to compare with; train one with: espalier train"


def report(  # noqa: PLR0913, PLR0917 - each is an option
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    table: Annotated[
        Path | None, typer.Option(help="Another .csv or .parquet file with the same columns; default: the pointer's.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder with a signed bundle to compare with; default: the champion.")
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(help="Key that must have signed --bundle; may be repeated. Default: as for the registry."),
    ] = None,
    project: ProjectOption = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Write one HTML page about the table: distributions, empty cells, target, course over time, drift.

    Drift is the PSI of every feature against the training rows of the champion, as the alerts measure it. The page asks
    no other host for anything, and has no row of the table, but the names of categories.

    Examples: `espalier data report`, `espalier data report --project customers --output customers.html`
    """
    from pipelines.config.schema import load_schema
    from pipelines.data_report.report import make_report

    schema, path = load_schema(), table or _table()
    if not output.parent.is_dir():
        raise CommandFailed(f"cannot write {output}: {output.parent} is not a folder")
    with _model(bundle, public_key, state) as model, console.status(f"reading {path.name} …"):
        made = make_report(path, schema, model, without_drift=NO_MODEL)
    try:
        output.write_text(made.page, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"cannot write {output}: {error.strerror}") from error
    where = (project or Path()) / output
    if json:
        print_json({"page": str(where), **made.as_json()})
        return
    drifting = sorted({name for drift in made.drifts for name, one in drift.features.items() if one["above_alert"]})
    say(f"{where}: {made.profile.rows:,} rows, {len(made.profile.columns)} columns")
    if made.drifts:
        say(f"drift against {made.drifts[0].model}: {', '.join(drifting) or 'in no feature above the alert'}")
    else:
        say("no champion yet, so no drift")


def _table() -> Path:
    """Return the table of the project: beside its pointer, or fetched from the data remote."""
    from pipelines.config.params import load_params
    from pipelines.config.settings import load_settings
    from pipelines.dataset.files import RAW
    from pipelines.dataset.pointer import load_pointer
    from pipelines.dataset.remote import Remote

    settings = load_settings()
    source = settings.pointer_file or load_params().fetch.pointer
    pointer = load_pointer(source)
    beside = source.resolve().parent / pointer.name
    if beside.exists():
        return beside
    Remote(settings).fetch(pointer, RAW / pointer.name)
    return RAW / pointer.name


@contextmanager
def _model(bundle: Path | None, public_keys: list[Path] | None, state: Path) -> Iterator[Bundle | None]:
    """Yield the bundle to compare with; None if there is no champion."""
    if bundle is None and not _has_registry(state):
        yield None
        return
    with chosen_model("", CHAMPION, bundle, public_keys, state) as (model, _):
        number = model.find()
        yield None if number is None else model.load(number)


def _has_registry(state: Path) -> bool:
    """Tell whether a registry is configured, or has been started here: starting one takes ten seconds."""
    from pipelines.config.settings import load_settings

    return "mlflow_tracking_uri" in load_settings().model_fields_set or (state / "mlflow").is_dir()
