"""Batch scoring on a cluster: from S3 to S3, through a kill, by an account without rights."""

import json
import time

import pytest

from espalier.cluster import release
from espalier.cluster.errors import CommandRefused
from tests.e2e.platform import RELEASE

FILES, ROWS = 4, 50_000

WRITE = f"""
import pandas as pd
from pipelines.config.schema import load_schema
from pipelines.config.settings import load_settings
from pipelines.data.flights import export_flights
from pipelines.dataset.tables import read_table
from pipelines.scoring.places import open_place
lake = open_place("s3://data/to-score", load_settings())
table = read_table(export_flights(), load_schema())
for number in range({FILES}):
    with lake.write(f"{{number}}.parquet") as file:
        table.iloc[number * {ROWS} : (number + 1) * {ROWS}].to_parquet(file, index=False)
"""
READ = """
import json, sys
import pyarrow.parquet as pq
from pipelines.config.settings import load_settings
from pipelines.scoring.places import open_place
scored = open_place("s3://data/scored/" + sys.argv[1], load_settings())
found = {}
for name in scored.names():
    if name.endswith(".parquet"):
        with scored.open(name) as opened:
            table = pq.read_table(opened.file, columns=["probability", "model_version"])
        found[name] = [table.num_rows, table["probability"].null_count, sorted(set(table["model_version"].to_pylist()))]
print("FOUND " + json.dumps({"files": found, "drift": json.loads(scored.read("_drift.json"))["rows"]}))
"""


def with_storage(platform, name, script, *arguments):
    """Run Python in a Job that may use the bucket, and return its log."""
    job = release.job(platform.kube, RELEASE, "seed")
    job["metadata"]["name"] = name
    job["spec"]["template"]["spec"]["containers"][0]["args"] = ["python", "-c", script, *arguments]
    release.run_job(platform.kube, job)
    return platform.log(name)


@pytest.fixture(scope="module")
def lake(platform, first_champion):
    with_storage(platform, "scoring-write", WRITE)


def scoring_job(platform, name):
    """Return the Job that ``kubectl create job --from=cronjob/espalier-scoring`` creates."""
    template = platform.kube.get("cronjob", f"{RELEASE}-scoring")["spec"]["jobTemplate"]
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def found_in(platform, name):
    log = with_storage(platform, f"{name}-read", READ, name)
    (line,) = [line for line in log.splitlines() if line.startswith("FOUND ")]
    return json.loads(line.removeprefix("FOUND "))


def expected(platform):
    champion = platform.registry().champion
    return {"files": {f"{number}.parquet": [ROWS, 0, [champion]] for number in range(FILES)}, "drift": FILES * ROWS}


def test_table_is_scored_by_two_pods(platform, lake):
    job = scoring_job(platform, "scoring-two")
    job["spec"] |= {"completions": 2, "parallelism": 2}
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["args"] = [
        argument.replace("/1", "/2") if "--shard" in argument else argument for argument in container["args"]
    ]

    release.run_job(platform.kube, job)

    assert found_in(platform, "scoring-two") == expected(platform)


@pytest.mark.slow
def test_killed_pod_is_replaced_and_continues(platform, lake):
    job = scoring_job(platform, "scoring-killed")
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["args"] = [*container["args"], "--workers=1", "--batch-rows=1000"]
    platform.kube.apply(job)
    end = time.monotonic() + 300
    while "scored %" not in platform.log("scoring-killed"):
        assert time.monotonic() < end
        time.sleep(0.2)
    selector = "batch.kubernetes.io/job-name=scoring-killed"
    platform.kube.kubectl("delete", "pod", "-l", selector, "--grace-period=0", "--force", "--wait=false")

    platform.wait_for_job("scoring-killed")

    assert found_in(platform, "scoring-killed") == expected(platform)


@pytest.mark.parametrize(
    "attempt", [("get", "secrets"), ("get", "deployments"), ("get", "lease"), ("create", "job", "x")]
)
def test_account_has_no_rights(platform, attempt):
    account = f"system:serviceaccount:{platform.kube.namespace}:{RELEASE}-scoring"
    arguments = [*attempt, "--image=x"] if attempt[0] == "create" else attempt

    with pytest.raises(CommandRefused, match=r"(?i)forbidden|cannot"):
        platform.kube.kubectl("--as", account, *arguments)
