"""Write dashboards in canonical form: sorted keys, short objects on one line, nothing that changes with every save.

Export a dashboard from Grafana ("Export for sharing externally" off) over its file here, then run this. The diff shows
what was changed and nothing else.

    python -m dashboards.tools.canonical            # write
    python -m dashboards.tools.canonical --check    # fail if a file is not in canonical form
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
"""What Grafana adds on every save. Dashboards, panels and variables are identified by uid, title or name."""

CHOSEN = {"current", "options"}
"""A variable's value and choices in the browser that exported the dashboard."""

EVERYTHING = {"text": "All", "value": "$__all"}
"""The initial value of a variable that has this choice; the others start with their first value."""


def canonical(dashboard: dict[str, Any]) -> str:
    """Return the text of the dashboard's file."""
    variables = [
        {**_without(variable, CHOSEN), **({"current": EVERYTHING} if variable.get("includeAll") else {})}
        for variable in dashboard["templating"]["list"]
    ]
    panels = [_without(panel, VOLATILE) for panel in dashboard["panels"]]
    kept = {**_without(dashboard, VOLATILE), "templating": {"list": variables}, "panels": panels}
    return _text(kept, 0, 0) + "\n"


def main() -> None:
    """Write or check every dashboard."""
    stale = []
    for path in sorted(FOLDER.glob("*.json")):
        current = path.read_text(encoding="utf-8")
        expected = canonical(json.loads(current))
        if current != expected:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(expected, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"not in canonical form, run `python -m dashboards.tools.canonical`: {', '.join(stale)}")


def _without(value: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in names}


def _text(value: Any, indent: int, before: int) -> str:
    line = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if not isinstance(value, dict | list) or not value or (indent + before + len(line) < WIDTH and not _spread(value)):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        names = {f"{json.dumps(key, ensure_ascii=False)}: ": value[key] for key in sorted(value)}
        parts = [f"{inner}{name}{_text(item, indent + 2, len(name))}" for name, item in names.items()]
    else:
        parts = [inner + _text(item, indent + 2, 0) for item in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n" + ",\n".join(parts) + f"\n{' ' * indent}{end}"


def _spread(value: Any) -> bool:
    """Return whether it is or contains a dashboard or a panel: those have one property a line, however short."""
    if isinstance(value, list):
        return any(map(_spread, value))
    return isinstance(value, dict) and ("panels" in value or "gridPos" in value)


if __name__ == "__main__":
    main()
