"""Write values.schema.json and the table of values in README.md for each chart, from the comments in its values.yaml.

The comments follow helm-docs: a comment above a key that begins with ``# --`` is the key's description. Above it, a
line ``# schema: {...}`` adds to the JSON schema what the default value cannot tell (bounds, choices, items). Objects
are closed: a key that is not in values.yaml is refused, unless the key's ``schema`` line says otherwise.

    python charts/generate.py            # write
    python charts/generate.py --check    # exit with 1 if a file is not up to date
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Undescribed", "charts", "generated", "main"]

Schema = dict[str, Any]

UMBRELLA = Path(__file__).parent / "espalier"
TYPES = {"str": "string", "bool": "boolean", "int": "integer", "float": "number", "seq": "array", "map": "object"}
TABLE = re.compile(r"(<!-- values: .*? -->\n).*?(<!-- end of values -->)", re.S)
LONGEST_DEFAULT = 160
"""Characters of a default value in the table. A longer one is only in values.yaml."""

GLOBAL = {"type": "object", "description": "Values for all parts; Helm passes them on from the umbrella chart."}
ENABLED = {"type": "boolean", "description": "Whether the umbrella chart installs this part."}
LIBRARY = {
    "type": "object",
    "description": "The library chart has no values of its own; Helm adds the global ones.",
    "additionalProperties": False,
    "properties": {"global": GLOBAL},
}


class Undescribed(Exception):
    """A key of values.yaml has no ``# --`` comment above it."""


def charts() -> list[Path]:
    """Return the folders of the charts that have values: the umbrella chart and its parts, but no library."""
    return [folder for folder in [UMBRELLA, *_dependencies(UMBRELLA)] if (folder / "values.yaml").exists()]


def generated(folder: Path) -> dict[Path, str]:
    """Return the files that belong to a chart's values, with their content."""
    text = (folder / "values.yaml").read_text(encoding="utf-8")
    schema = _object(yaml.compose(text, Loader=yaml.SafeLoader), text.splitlines(), "")
    readme = folder / "README.md"
    rows = "\n".join(["| value | default | meaning |", "|---|---|---|", *_rows(schema)])
    table = TABLE.sub(lambda match: f"{match[1]}{rows}\n{match[2]}", readme.read_text(encoding="utf-8"))
    if folder != UMBRELLA:
        schema["properties"] = {"global": GLOBAL, "enabled": ENABLED, **schema["properties"]}
    libraries = [path.name for path in _dependencies(folder) if not (path / "values.yaml").exists()]
    schema["properties"] |= dict.fromkeys(libraries, LIBRARY)
    _add_renamed(schema, folder / "files/renamed.yaml")
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": f"Values of {folder.name}", **schema}
    return {folder / "values.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n", readme: table}


def main() -> None:
    """Write the files, or check them."""
    stale = []
    for path, content in (item for folder in charts() for item in generated(folder).items()):
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            stale.append(str(path.relative_to(UMBRELLA.parent.parent)))
            if "--check" not in sys.argv:
                path.write_text(content, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"not up to date, run `python charts/generate.py`: {', '.join(stale)}")


def _dependencies(folder: Path) -> list[Path]:
    """Return the folders of the project's own charts that a chart depends on."""
    listed = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))["dependencies"]
    own = [one["name"] for one in listed if not one.get("repository", "file://").startswith("https://")]
    return [UMBRELLA / "charts" / name for name in own]


def _object(node: yaml.Node | None, lines: list[str], path: str) -> Schema:
    properties = {}
    for key, value in node.value if node else []:
        where = f"{path}.{key.value}".lstrip(".")
        description, extra = _comment(lines, key.start_mark.line, where)
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            schema = _object(value, lines, where)
        else:
            schema = {"type": TYPES[value.tag.rpartition(":")[2]], "default": yaml.safe_load(yaml.serialize(value))}
        properties[key.value] = {"description": description, **schema, **extra}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _comment(lines: list[str], line: int, path: str) -> tuple[str, Schema]:
    """Return the description and the additions to the schema from the comment that ends above a line."""
    start = line
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    before, marker, description = "\n".join(text.strip() for text in lines[start:line]).partition("# -- ")
    if not marker:
        raise Undescribed(f"{path} has no comment that begins with '# --'")
    schema = re.search(r"^# schema: (.*)$", before, re.M)
    return description.replace("\n# ", " "), yaml.safe_load(schema[1]) if schema else {}


def _add_renamed(schema: Schema, path: Path) -> None:
    """Let old keys pass the schema, so that the chart's own message names the new key."""
    renamed = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    for old, new in renamed.items():
        *parents, last = old.split(".")
        parent = schema
        for name in parents:
            parent = parent["properties"][name]
        types = ["string", "number", "boolean", "array", "object"]
        parent["properties"][last] = {"description": f"Renamed: {new}.", "type": types, "deprecated": True}


def _rows(schema: Schema, path: str = "") -> Iterator[str]:
    for name, value in schema["properties"].items():
        if "default" in value:
            default = json.dumps(value["default"], ensure_ascii=False)
            shown = f"`{default}`" if len(default) <= LONGEST_DEFAULT else "in values.yaml"
            yield f"| `{path}{name}` | {shown} | {_cell(value)} |"
        else:
            yield f"| **`{path}{name}`** | | {_cell(value)} |"
            yield from _rows(value, f"{path}{name}.")


def _cell(value: Schema) -> str:
    notes = [f"One of {', '.join(map(str, value['enum']))}."] if "enum" in value else []
    if "minimum" in value or "maximum" in value:
        notes.append(f"From {value.get('minimum', '…')} to {value.get('maximum', '…')}.".replace(" to …", " up"))
    return " ".join([str(value["description"]), *notes]).replace("|", "\\|")


if __name__ == "__main__":
    main()
