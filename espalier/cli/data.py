"""``espalier data``: the table, from where it is made to where training finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.output import CommandFailed, JsonOption, print_json, say

__all__ = ["app"]

app = typer.Typer(help="Export, push and fetch the data that training uses.", no_args_is_help=True)

PointerOption = Annotated[
    Path | None, typer.Option("--pointer", help="A .dvc pointer; default: the one in pipelines/params.yaml.")
]


@app.command("export")
def export(json: JsonOption = False) -> None:
    """Write the demo's table, pipelines/data/flights.csv.

    The same bytes every time: their hash is the one in the committed pointer flights.csv.dvc.

    Example: `espalier data export`
    """
    from pipelines.data.flights import FLIGHTS_CSV, export_flights
    from pipelines.dataset.pointer import check_file, load_pointer

    path = export_flights()
    sha256 = check_file(path, load_pointer(FLIGHTS_CSV.with_name(f"{FLIGHTS_CSV.name}.dvc")))
    if json:
        print_json({"path": str(path), "sha256": sha256, "size_bytes": path.stat().st_size})
    else:
        say(f"{path}: {path.stat().st_size / 2**20:.1f} MiB, as its pointer says")


@app.command("push")
def push(pointer: PointerOption = None, json: JsonOption = False) -> None:
    """Put the table that the pointer names on the data remote.

    The remote is a folder of this checkout; PIPELINE_REMOTE_URL=s3://bucket/prefix (and PIPELINE_S3_ENDPOINT_URL) name
    an S3 bucket instead, with the usual AWS_* credentials.

    Example: `espalier data push`
    """
    from pipelines.config.params import load_params
    from pipelines.config.settings import load_settings
    from pipelines.dataset.pointer import load_pointer
    from pipelines.dataset.remote import Remote

    settings = load_settings()
    source = pointer or settings.pointer_file or load_params().fetch.pointer
    found = load_pointer(source)
    table = source.resolve().parent / found.name
    if not table.exists():
        raise CommandFailed(f"{table} is not there; {_how_to_get(found.name)}")
    Remote(settings).push(found, table)
    if json:
        print_json({"name": found.name, "md5": found.md5, "size_bytes": found.size_bytes})
    else:
        say(f"{found.name} is on the remote, MD5 {found.md5}")


def _how_to_get(name: str) -> str:
    from pipelines.data.flights import FLIGHTS_CSV

    if name == FLIGHTS_CSV.name:
        return "export it with: espalier data export"
    return "put your table there, beside its pointer, or name another pointer with --pointer"


@app.command("fetch")
def fetch(json: JsonOption = False) -> None:
    """Bring the table that the pointer names to pipelines/work/raw, verified.

    Example: `espalier data fetch`
    """
    from pipelines.stages.fetch import main

    said = main()
    if json:
        from pipelines.dataset.files import DATA_JSON, read_json

        print_json(read_json(DATA_JSON, stage="fetch"))
    else:
        say(said)
