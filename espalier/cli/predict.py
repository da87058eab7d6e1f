"""``espalier predict``: send rows of a file, show the answers."""

from __future__ import annotations

import csv
import json as jsonlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from espalier.cli.client import CaOption, UrlOption, connect
from espalier.cli.output import CommandFailed, JsonOption, print_json, print_table
from espalier.client import call

__all__ = ["predict"]


def predict(
    rows: Annotated[Path, typer.Argument(help='CSV, or JSON: a list of rows or {"rows": [...]}. - reads JSON.')],
    token: Annotated[str, typer.Option(envvar="ESPALIER_TOKEN", help="Access token, from espalier token.")],
    explain: Annotated[bool, typer.Option("--explain", help="Add what each feature contributed.")] = False,
    url: UrlOption = "https://localhost:8443",
    cacert: CaOption = None,
    json: JsonOption = False,
) -> None:
    """Predict every row of a file.

    Columns of a CSV that the model does not know are left out; an empty cell is a missing value.

    Examples: `espalier predict rows.json --token "$TOKEN"`, `espalier predict day.csv --explain --json`
    """
    headers = {"Authorization": f"Bearer {token}"}
    with connect(url, cacert) as client:
        if rows.suffix == ".csv":
            contract = call(client, "GET", "/v1/model", headers=headers)["contract"]
            table = _read_csv(rows, contract["features"])
        else:
            table = _read_json(rows)
        parameters = {"explain": "true"} if explain else {}
        body = {"rows": table}
        answer = call(client, "POST", "/v1/predict", headers=headers, params=parameters, json=body)
    if json:
        print_json(answer)
        return
    found = [_line(number, prediction) for number, prediction in enumerate(answer["predictions"], start=1)]
    title = f"{answer['model']['name']} version {answer['model']['version']}"
    print_table(title, ["row", "label", "probability", "because of"][: 4 if explain else 3], found)


def _line(number: int, prediction: dict[str, Any]) -> list[str]:
    line = [str(number), prediction["label"], f"{prediction['probability']:.3f}"]
    if "contributions" in prediction:
        strongest = sorted(prediction["contributions"].items(), key=lambda item: -abs(item[1]))[:3]
        line.append(", ".join(f"{name} {value:+.2f}" for name, value in strongest))
    return line


def _read_json(path: Path) -> list[Any]:
    try:
        content = jsonlib.loads(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error
    found = content.get("rows") if isinstance(content, dict) else content
    if not isinstance(found, list):
        raise CommandFailed(f'{path}: expected a list of rows, or {{"rows": [...]}}')
    return found


def _read_csv(path: Path, features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            records = list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error
    missing = [feature["name"] for feature in features if records and feature["name"] not in records[0]]
    if missing:
        raise CommandFailed(f"{path} has no column {', '.join(missing)}, which the model needs")
    return [{feature["name"]: _value(record[feature["name"]], feature) for feature in features} for record in records]


def _value(text: str, feature: dict[str, Any]) -> Any:
    """Turn a cell into the feature's type; what does not fit is sent as it is, for the API to name."""
    if text == "":
        return None
    if feature["type"] == "bool":
        return {"0": False, "1": True, "false": False, "true": True}.get(text.lower(), text)
    if feature["type"] in ("float", "int"):
        try:
            return int(text) if feature["type"] == "int" else float(text)
        except ValueError:
            return text
    return text
