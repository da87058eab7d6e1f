"""The dashboards as files: canonical form, texts of every panel, valid queries, existing columns and labels."""

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from promql_parser import parse_duration

from dashboards.tools.canonical import FOLDER, canonical
from dashboards.tools.queries import (
    Window,
    annotation_queries,
    load,
    panel_queries,
    panels,
    substitute,
)
from dashboards.tools.render import KINDS, UNITS
from tests.dashboards.live import MAY_BE_EMPTY
from tests.promql import ranges, result_labels, selectors

ROOT = Path(__file__).parents[2]
RUNBOOKS = "https://github.com/espalier/espalier/blob/main/alerts/runbooks/"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CONSTANTS = Window(0, 5000).constants(30)
ALL = load()
PANELS = [pytest.param(uid, one, id=f"{uid}/{one['title']}") for uid, each in ALL.items() for one in panels(each)]


def queries(dashboard):
    return [*(query for panel in panels(dashboard) for query in panel_queries(panel)), *annotation_queries(dashboard)]


def values_of(dashboard):
    return {one["name"]: f"value of {one['name']}" for one in dashboard["templating"]["list"]} | CONSTANTS


def runbooks_of(text):
    return set(re.findall(rf"{re.escape(RUNBOOKS)}(\w+)\.md", text))


def test_dashboards_that_alerts_link_to_exist():
    assert sorted(ALL) == ["espalier-api", "espalier-model", "espalier-overview", "espalier-training"]


@pytest.mark.parametrize("uid", ALL)
def test_files_are_in_canonical_form(uid):
    text = (FOLDER / f"{uid}.json").read_text(encoding="utf-8")

    assert text == canonical(json.loads(text)), "run python -m dashboards.tools.canonical"


@pytest.mark.parametrize("uid", ALL)
def test_dashboard_has_uid_title_tags_and_links(uid):
    dashboard = ALL[uid]

    assert dashboard["uid"] == uid
    assert dashboard["title"].startswith("Espalier / ")
    assert dashboard["tags"] == ["espalier"]
    assert (dashboard["timezone"], dashboard["refresh"]) == ("utc", "30s")
    assert dashboard["description"]
    assert {"type": "dashboards", "tags": ["espalier"], "keepTime": True, "includeVars": True}.items() <= dashboard[
        "links"
    ][0].items()
    assert dashboard["links"][1]["url"] == RUNBOOKS
    assert [one["name"] for one in dashboard["annotations"]["list"]] == ["Rollouts"]


@pytest.mark.parametrize("uid", ALL)
def test_first_row_is_a_question_answered_by_numbers(uid):
    first, *rest = ALL[uid]["panels"]
    number = next(place for place, one in enumerate(rest) if one["type"] == "row")

    assert first["type"] == "row"
    assert first["title"].endswith("?")
    assert {one["type"] for one in rest[:number]} == {"stat"}


@pytest.mark.parametrize("uid", ALL)
def test_variables_are_declared_and_used(uid):
    text, declared = json.dumps(ALL[uid]), [one["name"] for one in ALL[uid]["templating"]["list"]]
    own = {"__rate_interval", "__range", "__interval", "__url_time_range", "__value", "__all"}
    used = set(re.findall(r"\$\{?([a-z_]\w*)", text))

    assert declared[:2] == ["datasource", "namespace"]
    assert used - own == set(declared)
    assert all(one["label"] and one["description"] for one in ALL[uid]["templating"]["list"])


@pytest.mark.parametrize("uid", ALL)
def test_panel_titles_are_unique_and_panels_do_not_overlap(uid):
    titles = [one["title"] for one in panels(ALL[uid])]
    cells = {
        one["title"]: {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        for one in ALL[uid]["panels"]
        for grid in [one["gridPos"]]
    }

    assert len(set(titles)) == len(titles)
    assert all(x < 24 for places in cells.values() for x, _ in places)
    for (left, ours), (right, theirs) in combinations(cells.items(), 2):
        assert not ours & theirs, (left, right)


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_panel_has_description_and_datasource(uid, panel):
    defaults = panel["fieldConfig"]["defaults"]

    assert panel["description"].endswith(".")
    assert panel["datasource"] == SOURCE
    assert all("datasource" not in target for target in panel["targets"])
    assert panel["type"] != "stat" or defaults["thresholds"]["steps"]


def columns(panel, values):
    """The columns of a panel's table in Grafana: the labels that its queries return, their values and times."""
    refs = [query.ref for query in panel_queries(panel)]
    names = {"Time", "Value"} if len(refs) == 1 else {f"Value #{ref}" for ref in refs}
    names |= {"Time"} | {f"Time {place}" for place in range(1, len(refs) + 1)}
    return names.union(*(result_labels(substitute(query.expr, values)) for query in panel_queries(panel)))


def columns_named(transformation):
    options = transformation["options"]
    match transformation["id"]:
        case "joinByField":
            return {options["byField"]}
        case "convertFieldType":
            return {one["targetField"] for one in options["conversions"]}
        case "sortBy":
            return {one["field"] for one in options["sort"]}
        case "organize":
            return {*options["excludeByName"], *options["indexByName"], *options["renameByName"]}
    raise AssertionError(f"not checked here: {transformation['id']}")


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_transformations_name_existing_columns(uid, panel):
    named = set().union(*(columns_named(one) for one in panel.get("transformations", ())))
    named |= {panel["options"]["xField"]} if panel["type"] == "barchart" else set()

    assert named <= columns(panel, values_of(ALL[uid]))


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_legends_name_existing_labels(uid, panel):
    for query in panel_queries(panel):
        named = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", query.legend))
        assert named <= result_labels(substitute(query.expr, values_of(ALL[uid]))), query


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_panel_is_of_a_known_type_and_unit(uid, panel):
    assert panel["type"] in KINDS
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert all(override["matcher"]["id"] == "byName" for override in panel["fieldConfig"]["overrides"])


def test_panels_for_some_types_of_target_say_so_when_they_are_empty():
    """Otherwise "No data" looks like a fault. A target has classes or is a number; these panels need one of the two."""
    of_one_type = re.compile(
        r"espalier_feedback_(total|log_loss|absolute|score|inside)|espalier:feedback_(log_loss|acc|abs|cov)"
    )
    for dashboard in ALL.values():
        for panel in panels(dashboard):
            exprs = [query.expr for query in panel_queries(panel)]
            if any(of_one_type.search(expr) for expr in exprs) and not any(" or " in expr for expr in exprs):
                assert panel["fieldConfig"]["defaults"]["noValue"].startswith("No data: "), panel["title"]


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_links_have_a_target(uid, panel):
    for url in re.findall(r'"url": "([^"]+)"', json.dumps(panel)):
        dashboard = re.match(r"/d/([\w-]+)\?", url)
        assert url.startswith(RUNBOOKS) or (dashboard and dashboard[1] in ALL), url


def test_linked_runbooks_exist():
    named = set.union(*(runbooks_of(json.dumps(one)) for one in ALL.values()))

    assert named <= {path.stem for path in (ROOT / "alerts/runbooks").glob("*.md")}


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_rates_follow_the_selected_time(uid, panel):
    """A fixed range is for panels that name it, and for numbers of the present."""
    in_graphs = {"rate": {CONSTANTS["__rate_interval"]}, "increase": {"1h", "6h", "1d", CONSTANTS["__range"]}}
    in_numbers = in_graphs | {"rate": {"5m"}}
    for query in panel_queries(panel):
        allowed = in_numbers if query.instant else in_graphs
        for function, seconds in ranges(substitute(query.expr, values_of(ALL[uid]))):
            assert seconds in {parse_duration(text).total_seconds() for text in allowed.get(function, ())}, query.expr


@pytest.mark.parametrize("uid", ALL)
def test_every_selector_keeps_to_the_release(uid):
    """By namespace and by exact names, which the chart replaces by the release's: `\\"espalier-` and no other form."""
    for query in queries(ALL[uid]):
        for selector in selectors(substitute(query.expr, values_of(ALL[uid]))):
            assert ("namespace", "=", "value of namespace") in selector.matchers, (query.panel, selector)
        assert not re.search(r'(?<!")espalier-', query.expr), query.panel


def test_only_queries_contain_the_text_that_the_chart_replaces():
    for uid, dashboard in ALL.items():
        text = (FOLDER / f"{uid}.json").read_text(encoding="utf-8")
        inside = sum(query.expr.count('"espalier-') for query in queries(dashboard))
        inside += sum(str(one["query"]).count('"espalier-') for one in dashboard["templating"]["list"])
        assert text.count('\\"espalier-') == inside


def test_queries_that_may_be_empty_exist():
    names = {
        f"{uid} / {one.panel} / {one.ref}"
        for uid, each in ALL.items()
        for panel in panels(each)
        for one in panel_queries(panel)
    }

    assert set(MAY_BE_EMPTY) <= names
    assert all(MAY_BE_EMPTY.values())


def test_promtool_parses_every_query(need, tmp_path):
    promtool = need("promtool")
    rules = []
    for uid, dashboard in ALL.items():
        for number, query in enumerate(queries(dashboard)):
            record, expr = f"{uid.replace('-', '_')}_{number}", substitute(query.expr, values_of(dashboard))
            rules.append({"record": record, "expr": expr, "labels": {"panel": query.panel}})
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    done = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
    path.write_text(path.read_text().replace("expr: ", "expr: (", 1))
    assert subprocess.run([promtool, "check", "rules", path], capture_output=True, check=False).returncode != 0
