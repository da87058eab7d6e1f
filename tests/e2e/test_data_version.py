"""Training on other data with the same image: only the pointer in a ConfigMap differs."""

import json

import pytest

from espalier.cluster import release
from tests.e2e.platform import RELEASE

THIN = """
import hashlib, json, pathlib
source = pathlib.Path("pipelines/data/flights.csv")
lines = source.read_bytes().splitlines(keepends=True)
content = b"".join(lines[:1] + lines[1::4])
source.with_name("thin.csv").write_bytes(content)
md5 = hashlib.md5(content).hexdigest()
pointer = f"outs:\\n- md5: {md5}\\n  size: {len(content)}\\n  hash: md5\\n  path: thin.csv\\n"
source.with_name("thin.csv.dvc").write_text(pointer)
print("POINTER " + json.dumps({"md5": md5, "text": pointer}))
"""
STEPS = 'espalier data export && python -c "$THIN" && espalier data push --pointer pipelines/data/thin.csv.dvc'


@pytest.mark.slow
def test_training_uses_the_pointer_of_the_configmap(platform):
    job = release.job(platform.kube, RELEASE, "seed")
    job["metadata"]["name"] = "seed-thin"
    container = job["spec"]["template"]["spec"]["containers"][0]
    container |= {"args": ["sh", "-c", STEPS], "env": [*container.get("env", []), {"name": "THIN", "value": THIN}]}
    release.run_job(platform.kube, job)
    (line,) = [line for line in platform.log("seed-thin").splitlines() if line.startswith("POINTER ")]
    pointer = json.loads(line.removeprefix("POINTER "))

    training = platform.training_job("thin", rounds=30, pointer=pointer["text"])
    release.run_job(platform.kube, training)
    platform.wait_until_settled()
    registry = platform.registry()
    images = [container["image"] for container in training["spec"]["template"]["spec"]["containers"]]

    assert images == [container["image"] for container in job["spec"]["template"]["spec"]["containers"]]
    assert registry.versions[registry.newest]["data_md5"] == pointer["md5"]
    assert "validate 84,194 rows of thin.csv" in platform.log("training-thin")
