"""Write dashboards in the one form that is reviewed: sorted, short things on one line, nothing that changes by itself.

A dashboard edited in Grafana is exported (Share, Export, for sharing externally off), laid over the file here, and
brought into this form; the diff then shows what was changed and no more.

    python -m dashboards.tools.canonical            # write
    python -m dashboards.tools.canonical --check    # fail where a file is not in this form
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "canonical", "main"]

FOLDER = Path(__file__).parents[1]
WIDTH = 120
VOLATILE = {"id", "iteration", "pluginVersion", "version"}
"""What Grafana adds to a dashboard, a panel or a variable when it saves; one is known by its uid, title or name."""

CHOSEN = {"current", "options"}
"""A variable's value and what there was to choose from, in the browser that exported."""

EVERYTHING = {"text": "All", "value": "$__all"}
"""What a variable with that choice opens with; the others open with their first value."""


def canonical(dashboard: dict[str, Any]) -> str:
    """Return the text of the dashboard's file."""
    variables = [
        {**_without(one, CHOSEN), **({"current": EVERYTHING} if one.get("includeAll") else {})}
        for one in dashboard["templating"]["list"]
    ]
    panels = [_without(one, VOLATILE) for one in dashboard["panels"]]
    kept = {**_without(dashboard, VOLATILE), "templating": {"list": variables}, "panels": panels}
    return _text(kept, 0, 0) + "\n"


def main() -> None:
    """Write, or check."""
    stale = []
    for path in sorted(FOLDER.glob("*.json")):
        found = path.read_text(encoding="utf-8")
        wanted = canonical(json.loads(found))
        if found != wanted:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(wanted, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"not in canonical form, run `python -m dashboards.tools.canonical`: {', '.join(stale)}")


def _without(value: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: one for key, one in value.items() if key not in names}


def _text(value: Any, indent: int, before: int) -> str:
    line = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if not isinstance(value, dict | list) or not value or (indent + before + len(line) < WIDTH and not _spread(value)):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        names = {f"{json.dumps(key, ensure_ascii=False)}: ": value[key] for key in sorted(value)}
        parts = [f"{inner}{name}{_text(one, indent + 2, len(name))}" for name, one in names.items()]
    else:
        parts = [inner + _text(one, indent + 2, 0) for one in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n" + ",\n".join(parts) + f"\n{' ' * indent}{end}"


def _spread(value: Any) -> bool:
    """Whether it is a dashboard or a panel, or holds one: those have a line a property, however short."""
    if isinstance(value, list):
        return any(map(_spread, value))
    return isinstance(value, dict) and ("panels" in value or "gridPos" in value)


if __name__ == "__main__":
    main()
