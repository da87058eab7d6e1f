"""A model that the cluster trained is trained again here, in another Python: docs/reproducibility.md."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from espalier.cluster import release
from tests.e2e.platform import RELEASE, ROOT, params
from tests.e2e.registry import MODEL

ROUNDS = 12

DIGESTS = """
import json, sys, urllib.parse, urllib.request
server, name, version = "http://localhost:5000/", sys.argv[1], sys.argv[2]
def ask(path):
    with urllib.request.urlopen(server + path, timeout=20) as answer:
        return json.load(answer)
query = urllib.parse.urlencode({"name": name, "version": version})
source = ask("api/2.0/mlflow/model-versions/get?" + query)["model_version"]["source"]
folder = urllib.parse.urlsplit(source).path.strip("/")
manifest = ask("api/2.0/mlflow-artifacts/artifacts/" + urllib.parse.quote(folder + "/manifest.json"))
print(json.dumps({"files": {name: file["sha256"] for name, file in manifest["files"].items()}, **manifest["lineage"]}))
"""


@pytest.mark.slow
def test_model_of_the_cluster_is_trained_here_byte_for_byte(platform, tmp_path):
    training = platform.training_job("again", rounds=ROUNDS)
    release.run_job(platform.kube, training, seconds=900)
    platform.wait_until_settled()
    number = platform.registry().newest
    exec_in_mlflow = ("exec", f"deployment/{RELEASE}-mlflow", "--", "python", "-c", DIGESTS, MODEL, number)
    theirs = json.loads(platform.kube.kubectl(*exec_in_mlflow))
    needed, found = theirs["libraries"]["xgboost-cpu"], version("xgboost-cpu")
    if found != needed:
        pytest.skip(
            f"this Python has XGBoost {found}, the cluster {needed}, which trains another model: use Python 3.13"
        )

    ours = train_here(tmp_path / "project", tmp_path)

    assert ours["data_md5"] == theirs["data_md5"]
    assert ours["files"]["contract.json"] == theirs["files"]["contract.json"]
    assert ours["files"]["model.ubj"] == theirs["files"]["model.ubj"]


def train_here(folder, tmp_path):
    """Run the stages up to train on this machine, with a registry of its own, and return what they gave."""
    data = folder / "pipelines/data"
    data.mkdir(parents=True)
    shutil.copy(ROOT / "pipelines/schema.yaml", folder / "pipelines")
    (folder / "pipelines/params.yaml").write_text(params(rounds=ROUNDS))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIPELINE_")}
    environment["ESPALIER_STATE"] = str(tmp_path / "state")

    def espalier(*arguments):
        command = [str(Path(sys.executable).with_name("espalier")), *arguments]
        subprocess.run(command, env=environment, check=True, timeout=1800)

    espalier("data", "export")  # to where the code is
    for name in ("flights.csv", "flights.csv.dvc"):
        shutil.copy(ROOT / "pipelines/data" / name, data)
    (data / "current.yaml").symlink_to("flights.csv.dvc")
    espalier("data", "push", "--project", str(folder))
    espalier("train", "--project", str(folder), "--until", "train")
    work = folder / "pipelines/work"
    files = ("model.ubj", "contract.json")
    return {
        "files": {name: hashlib.sha256((work / name).read_bytes()).hexdigest() for name in files},
        "data_md5": json.loads((work / "data.json").read_text())["md5"],
    }
