"""What is shown of a version is what its signed bundle says."""

import hashlib

import pytest

from bundle import HashSplit, UnsignedBundle
from pipelines.registry.description import check_signed
from pipelines.registry.versions import Version


def test_everything_about_a_version_is_described(described, lineage):
    found = described().as_json()

    assert found["identity"]["git_commit"] == lineage.git_commit
    assert found["identity"]["library xgboost-cpu"] == lineage.libraries["xgboost-cpu"]
    assert found["data"]["md5"] == lineage.data_md5
    assert found["data"]["trained_until"] == "2025-12-31T23:00:00+00:00"
    assert (found["data"]["test_rows"], found["data"]["split"]) == (100, "by time")
    assert found["params"] == {"train.rounds": "12"}
    assert found["metrics"]["roc_auc"] == 0.8
    assert found["slices"]["kind pear"]["log_loss"] == 0.5
    assert next(iter(found["importance"].items())) == ("height", 1.5)
    assert found["gate"]["checks"][0]["name"] == "ROC AUC"
    assert (found["gate"]["champion_version"], found["gate"]["evidence"]) == ("6", {"gate.gain": "0.010000"})


def test_files_have_the_digests_of_the_manifest(described, small_model):
    assert described().files["model.ubj"] == hashlib.sha256(small_model("binary").file).hexdigest()


def test_split_by_hash_is_described(described):
    plain = described()
    split = HashSplit(seed=3, columns=("tag",), test_below={"": 5})
    lineage = plain.bundle.manifest.lineage.model_copy(update={"split": split})
    manifest = plain.bundle.manifest.model_copy(update={"lineage": lineage})

    assert described(manifest=manifest).data["split"] == "by hash of tag (seed 3)"


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"bundle": "uploading"}, "orchard version 7 is incomplete"),
        ({"bundle": "complete", "gate": "rejected"}, "rejected by the gate, so its bundle is not signed"),
    ],
)
def test_version_without_a_signature_is_refused(tags, message):
    with pytest.raises(UnsignedBundle, match=message):
        check_signed(Version("orchard", "7", "run", 0.0, tags, ()))
