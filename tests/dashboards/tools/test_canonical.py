import json
import subprocess
import sys

from dashboards.tools.canonical import FOLDER, canonical

EXPORTED = {
    "uid": "x",
    "id": 17,
    "version": 4,
    "panels": [
        {"id": 3, "pluginVersion": "12.1.0", "title": "A", "gridPos": {"y": 0, "x": 1}, "options": {"version": 1}}
    ],
    "templating": {"list": [{"name": "model", "current": {"value": "mine"}, "options": [{"value": "mine"}]}]},
}


def test_volatile_keys_are_dropped_and_the_rest_is_sorted():
    found = json.loads(canonical(EXPORTED))

    assert list(found) == ["panels", "templating", "uid"]
    assert found["panels"] == [{"gridPos": {"x": 1, "y": 0}, "options": {"version": 1}, "title": "A"}]
    assert found["templating"] == {"list": [{"name": "model"}]}


def test_variable_with_all_opens_with_all():
    variable = {"name": "version", "includeAll": True, "current": {"value": ["3"]}}
    found = json.loads(canonical({**EXPORTED, "templating": {"list": [variable]}}))

    assert found["templating"]["list"][0]["current"] == {"text": "All", "value": "$__all"}


def test_short_objects_stay_on_one_line_except_panels():
    lines = canonical(EXPORTED).splitlines()

    assert '      "gridPos": {"x": 1, "y": 0},' in lines
    assert '  "templating": {"list": [{"name": "model"}]},' in lines
    assert max(map(len, lines)) <= 120


def test_canonical_form_is_stable_and_keeps_the_content():
    long = {**EXPORTED, "description": "long " * 60, "links": [{"title": f"link {place}"} for place in range(20)]}

    again = json.loads(canonical(long))

    assert again["links"] == long["links"]
    assert canonical(again) == canonical(long)


def test_check_accepts_the_committed_files():
    command = [sys.executable, "-m", "dashboards.tools.canonical", "--check"]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
