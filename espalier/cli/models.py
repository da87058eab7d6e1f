"""``espalier models``, ``promote`` and ``rollback``: list, show and compare versions, and change the champion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bundle import UnsignedBundle
from bundle.vocabulary import CHAMPION, GATE_TAG, PASSED, PREVIOUS, ROLLOUT_TAG, SUPERSEDED_TAG
from espalier.cli.output import JsonOption, ProjectOption, StateOption, print_json, print_table, say

if TYPE_CHECKING:
    from pipelines.config.settings import Settings
    from pipelines.registry.versions import Registry, Version

__all__ = ["app", "promote", "rollback"]

app = typer.Typer()

WhichArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="Number of the version, or champion, challenger or previous.")
]


@app.callback(invoke_without_command=True)
def list_models(
    context: typer.Context,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """List the registered versions, newest first: aliases, verdict of the gate, rollout.

    Examples: `espalier models`, `espalier models show 3`, `espalier models diff previous champion`
    """
    if context.invoked_subcommand is not None:
        return
    with _registry(state) as (registry, name, _settings):
        versions = registry.versions(name)
    if json:
        print_json([_as_json(version) for version in versions])
        return
    rows = [
        [
            version.number,
            ", ".join(version.aliases),
            _gate(version),
            version.tags.get(ROLLOUT_TAG, ""),
            _created(version),
        ]
        for version in versions
    ]
    print_table(name, ["version", "aliases", "gate", "rollout", "created (UTC)"], rows)
    if versions:
        say(f"for reasons, data and code of a version, run: espalier models show {versions[0].number}")


@app.command("show")
def show(
    number: WhichArgument,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Show a version: its data, parameters, scores, slices, importance of features, and the gate's verdict.

    A version that passed the gate is downloaded, and its signature verified as in the API. Of any other, nothing is
    shown but its tags, with the reasons of the gate.

    Examples: `espalier models show 3`, `espalier models show champion --json`
    """
    from espalier.cli.described import print_description
    from pipelines.registry.description import check_signed, describe

    found, unsigned = None, ""
    with _registry(state) as (registry, name, settings):
        version = registry.find(name, number)
        try:
            check_signed(version)
        except UnsignedBundle as error:
            unsigned = str(error)
        else:
            found = describe(registry, settings, version)
    if json:
        print_json({**_as_json(version), "verified": None if found is None else found.as_json()})
        return
    facts = [
        ("aliases", ", ".join(version.aliases)),
        ("created (UTC)", _created(version)),
        ("MLflow run", version.run_id),
        *sorted(version.tags.items()),
    ]
    title = f"{name} version {version.number}"
    print_table(title, ["", ""], [[name, escape(value)] for name, value in facts if value])
    if found is None:
        say(escape(unsigned.partition(";")[0]))
    else:
        print_description(found)


@app.command("diff")
def diff(
    first: WhichArgument,
    second: WhichArgument,
    picture: Annotated[
        Path | None, typer.Option(help="Draw slices and importance of features side by side, to a .png or .svg file.")
    ] = None,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Compare two versions that passed the gate: what differs in parameters, data, scores, slices and importance.

    Both are downloaded, and their signatures verified. It also says whether their model files are the same, byte for
    byte (docs/reproducibility.md).

    Examples: `espalier models diff previous champion`, `espalier models diff 3 5 --picture difference.png`
    """
    from espalier.cli.described import print_difference
    from pipelines.registry.description import describe
    from pipelines.registry.difference import check_different, compare
    from pipelines.registry.difference_picture import check_picture, draw_difference

    if picture is not None:
        check_picture(picture)
    with _registry(state) as (registry, name, settings):
        versions = [registry.find(name, wanted) for wanted in (first, second)]
        check_different(*versions)
        found = compare(*(describe(registry, settings, version) for version in versions))
    if picture is not None:
        draw_difference(picture, found)
    if json:
        print_json(found.as_json())
    else:
        print_difference(found)


def _created(version: Version) -> str:
    return datetime.fromtimestamp(version.created, UTC).strftime("%Y-%m-%d %H:%M")


def _as_json(version: Version) -> dict[str, Any]:
    return {**vars(version), "tags": dict(version.tags)}


def promote(
    number: Annotated[str, typer.Argument(metavar="VERSION", help="A version that passed the gate.")],
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Make a version the champion, without a comparison.

    Only a version that passed the gate can become champion: only those are signed, and the API serves no others. Its
    bundle is verified first, as in the API.

    Example: `espalier promote 3`
    """
    from pipelines.promotion.lock import promotion_lock
    from pipelines.promotion.promote import clear_unfinished
    from pipelines.promotion.promote import promote as make_champion
    from pipelines.promotion.rollout import rollout_of
    from pipelines.registry.champion import read_version

    with _registry(state) as (registry, name, settings), promotion_lock(settings) as lock:
        version, rollout = registry.version(name, number), rollout_of(settings, lock)
        if version.tags.get(GATE_TAG) == PASSED:  # promote rejects any other version
            read_version(registry, settings, version)
        clear_unfinished(registry, rollout, name, lock=lock, own=number)
        champion = registry.version_of(name, CHAMPION)
        make_champion(registry, rollout, version, expected_champion=champion, lock=lock)
    _report(name, number, json)


def rollback(
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Make the previous champion the champion again, after verifying its bundle.

    Example: `espalier rollback`
    """
    from pipelines.promotion.lock import promotion_lock
    from pipelines.promotion.promote import roll_back
    from pipelines.promotion.rollout import rollout_of
    from pipelines.registry.champion import read_version

    with _registry(state) as (registry, name, settings), promotion_lock(settings) as lock:
        previous = registry.version_of(name, PREVIOUS)
        if previous is not None:
            read_version(registry, settings, registry.version(name, previous))
        version = roll_back(registry, rollout_of(settings, lock), name, lock=lock)
    _report(name, version.number, json)


def _gate(version: Version) -> str:
    if version.is_uploading:
        return "incomplete"
    superseded = version.tags.get(SUPERSEDED_TAG, "")
    return version.tags.get(GATE_TAG, "") + (f", superseded by {superseded}" if superseded else "")


def _report(name: str, number: str, json: bool) -> None:
    if json:
        print_json({"name": name, "champion": number})
    else:
        say(f"{name} version {number} is champion; restart the API to serve it")


@contextmanager
def _registry(state: Path) -> Iterator[tuple[Registry, str, Settings]]:
    from espalier.local.pipeline import pipeline_settings
    from espalier.local.state import open_state
    from pipelines.config.params import load_params
    from pipelines.registry.versions import Registry

    name = load_params().register_.model_name
    with pipeline_settings(open_state(state)) as settings:
        registry = Registry(settings)
        registry.check()
        yield registry, name, settings
