"""``espalier data``: export, push, fetch and describe the table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from espalier.cli import report
from espalier.cli.output import CommandFailed, JsonOption, ProjectOption, print_json, say

__all__ = ["app"]

app = typer.Typer(help="Export, push, fetch and describe the table that training uses.", no_args_is_help=True)

app.command("report")(report.report)

PointerOption = Annotated[
    Path | None, typer.Option("--pointer", help="A .dvc pointer; default: the one in pipelines/params.yaml.")
]


@app.command("export")
def export(json: JsonOption = False) -> None:
    """Write the table of the demo, pipelines/data/flights.csv.

    The file is always the same: its hash is in the committed pointer flights.csv.dvc.

    Example: `espalier data export`
    """
    from pipelines.data.flights import FLIGHTS_CSV, export_flights
    from pipelines.dataset.pointer import check_file, load_pointer

    path = export_flights()
    sha256 = check_file(path, load_pointer(FLIGHTS_CSV.with_name(f"{FLIGHTS_CSV.name}.dvc")))
    if json:
        print_json({"path": str(path), "sha256": sha256, "size_bytes": path.stat().st_size})
    else:
        say(f"{path}: {path.stat().st_size / 2**20:.1f} MiB, matches its pointer")


@app.command("push")
def push(
    pointer: PointerOption = None,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    json: JsonOption = False,
) -> None:
    """Upload the table that the pointer names to the data remote.

    The default remote is a folder in this checkout. For an S3 bucket, set PIPELINE_REMOTE_URL=s3://bucket/prefix
    (and PIPELINE_S3_ENDPOINT_URL), with the usual AWS_* credentials.

    Example: `espalier data push`
    """
    from pipelines.config.params import load_params
    from pipelines.config.settings import load_settings
    from pipelines.dataset.pointer import load_pointer
    from pipelines.dataset.remote import Remote

    settings = load_settings()
    source = pointer or settings.pointer_file or load_params().fetch.pointer
    tracked = load_pointer(source)
    table = source.resolve().parent / tracked.name
    if not table.exists():
        raise CommandFailed(f"{table} not found; {_how_to_get(tracked.name)}")
    Remote(settings).push(tracked, table)
    if json:
        print_json({"name": tracked.name, "md5": tracked.md5, "size_bytes": tracked.size_bytes})
    else:
        say(f"{tracked.name} is on the data remote, MD5 {tracked.md5}")


def _how_to_get(name: str) -> str:
    from pipelines.data.flights import FLIGHTS_CSV

    if name == FLIGHTS_CSV.name:
        return "export it with: espalier data export"
    return "put your table next to its pointer, or name another pointer with --pointer"


@app.command("fetch")
def fetch(
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    json: JsonOption = False,
) -> None:
    """Download the table that the pointer names to pipelines/work/raw, and verify it.

    Example: `espalier data fetch`
    """
    from pipelines.stages.fetch import main

    summary = main()
    if json:
        from pipelines.dataset.files import DATA_JSON, read_json

        print_json(read_json(DATA_JSON, stage="fetch"))
    else:
        say(summary)
