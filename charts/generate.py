"""Write each chart's values.schema.json and the table in its README.md from the comments in its values.yaml.

values.yaml is the one place where a value is described: the comment above a key is its description, and a comment line
``# schema: {...}`` adds to its JSON schema what the default cannot tell (bounds, choices, items). Everything is closed:
a key that is not in values.yaml is refused, unless its ``schema`` says otherwise.

A key of files/renamed.yaml stays in the schema, deprecated, and in no table.

    python charts/generate.py            # write
    python charts/generate.py --check    # fail where something is not current
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Chart", "charts", "main"]

UMBRELLA = Path(__file__).parent / "espalier"
TYPES = {"str": "string", "bool": "boolean", "int": "integer", "float": "number", "seq": "array", "map": "object"}
BEGIN, END = "<!-- values: written by charts/generate.py -->", "<!-- end of values -->"
RENAMED = ["string", "number", "boolean", "array", "object"]
LONGEST_SHOWN = 160
"""Characters of a default in the table; longer ones are read where they stand."""

INJECTED = {
    "global": {"type": "object", "description": "What all parts share; Helm hands it on from the umbrella chart."},
    "enabled": {"type": "boolean", "description": "Whether the umbrella chart installs this part."},
}
LIBRARY = {
    "description": "The library chart has no values; Helm puts the global ones here.",
    "type": "object",
    "additionalProperties": False,
    "properties": {"global": INJECTED["global"]},
}


class Undescribed(Exception):
    """A key of values.yaml has no comment above it."""


@dataclass(frozen=True)
class Chart:
    """One chart's folder, and what is generated from its values."""

    folder: Path

    @property
    def files(self) -> dict[Path, str]:
        """Paths and what they should hold."""
        text = (self.folder / "values.yaml").read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        schema = _object(_mapping(root), text.splitlines(), "")
        if self.folder != UMBRELLA:
            schema["properties"] = {**INJECTED, **schema["properties"]}
        schema["properties"] |= dict.fromkeys(self._libraries, LIBRARY)
        for old, new in self._renamed.items():
            _add_renamed(schema, old.split("."), new)
        schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": f"Values of {self.name}", **schema}
        return {
            self.folder / "values.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
            self.folder / "README.md": self._readme(schema),
        }

    @property
    def name(self) -> str:
        """As in Chart.yaml."""
        return str(self._about["name"])

    @property
    def _about(self) -> dict[str, Any]:
        return dict(yaml.safe_load((self.folder / "Chart.yaml").read_text(encoding="utf-8")))

    @property
    def is_library(self) -> bool:
        """Whether it only holds templates: it has no values."""
        return bool(self._about["type"] == "library")

    @property
    def _libraries(self) -> list[str]:
        names = [dependency["name"] for dependency in self._about.get("dependencies", [])]
        return [chart.name for chart in _all_charts() if chart.is_library and chart.name in names]

    @property
    def _renamed(self) -> dict[str, str]:
        path = self.folder / "files/renamed.yaml"
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}

    def _readme(self, schema: dict[str, Any]) -> str:
        path = self.folder / "README.md"
        before = f"# {self.name}\n\n{self._about['description']}.\n\n## Values\n\n"
        before = before.replace("..\n", ".\n")
        after = "\n"
        if path.exists() and BEGIN in (found := path.read_text(encoding="utf-8")):
            before, after = found.split(BEGIN)[0], found.split(END)[1]
        lines = ["| value | default | meaning |", "|---|---|---|", *_rows(schema)]
        return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}"


def charts() -> list[Chart]:
    """The umbrella chart and its parts, without library charts."""
    return [chart for chart in _all_charts() if not chart.is_library]


def _all_charts() -> list[Chart]:
    return [Chart(UMBRELLA), *(Chart(path.parent) for path in sorted(UMBRELLA.glob("charts/*/Chart.yaml")))]


def main() -> None:
    """Write, or check."""
    stale = []
    for chart in charts():
        for path, content in chart.files.items():
            if path.exists() and path.read_text(encoding="utf-8") == content:
                continue
            stale.append(str(path.relative_to(UMBRELLA.parent.parent)))
            if "--check" not in sys.argv:
                path.write_text(content, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"not current, run `python charts/generate.py`: {', '.join(stale)}")


def _mapping(node: yaml.Node | None) -> yaml.MappingNode:
    if not isinstance(node, yaml.MappingNode):
        raise Undescribed("values.yaml holds no mapping")
    return node


def _object(node: yaml.MappingNode, lines: list[str], path: str) -> dict[str, Any]:
    properties = {}
    for key, value in node.value:
        where = f"{path}.{key.value}".lstrip(".")
        description, extra = _comment(lines, key.start_mark.line, where)
        properties[key.value] = {"description": description, **_schema(value, lines, where, extra)}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _schema(node: yaml.Node, lines: list[str], path: str, extra: dict[str, Any]) -> dict[str, Any]:
    default = yaml.safe_load(yaml.serialize(node))
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return {**_object(node, lines, path), **extra}
    found = {"type": TYPES[node.tag.rpartition(":")[2]], "default": default}
    return {**found, **extra}


def _add_renamed(schema: dict[str, Any], old: list[str], new: str) -> None:
    """Let the schema pass an old key, so that the chart itself can refuse it with its new name."""
    *parents, last = old
    for parent in parents:
        schema = schema["properties"].setdefault(parent, {"type": "object", "properties": {}})
    schema["properties"][last] = {"description": f"Renamed: {new}.", "type": RENAMED, "deprecated": True}


def _comment(lines: list[str], line: int, path: str) -> tuple[str, dict[str, Any]]:
    words: list[str] = []
    schema = ""
    while line > 0 and (text := lines[line - 1].strip()).startswith("#"):
        line -= 1
        body = text.removeprefix("#").strip()
        if body.startswith("schema:"):
            schema = body.removeprefix("schema:")
        else:
            words.insert(0, body)
    if not words:
        raise Undescribed(f"{path} has no comment")
    return " ".join(words), yaml.safe_load(schema) if schema else {}


def _rows(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, value in schema["properties"].items():
        if value.get("deprecated") or value is LIBRARY or (path == "" and value == INJECTED.get(name)):
            continue
        where = f"{path}{name}"
        if "default" in value or not value.get("properties"):
            default = json.dumps(value.get("default", {}), ensure_ascii=False)
            shown = f"`{default}`" if len(default) <= LONGEST_SHOWN else "in values.yaml"
            yield f"| `{where}` | {shown} | {_cell(value)} |"
        else:
            yield f"| **`{where}`** | | {_cell(value)} |"
            yield from _rows(value, f"{where}.")


def _cell(value: dict[str, Any]) -> str:
    notes = [f"One of {', '.join(map(str, value['enum']))}."] if "enum" in value else []
    if "minimum" in value or "maximum" in value:
        notes.append(f"From {value.get('minimum', '…')} to {value.get('maximum', '…')}.".replace(" to …", " up"))
    return " ".join([str(value["description"]), *notes]).replace("|", "\\|")


if __name__ == "__main__":
    main()
