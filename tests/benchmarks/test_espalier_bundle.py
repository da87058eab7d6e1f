"""The benchmark's model as a bundle that the API accepts, served by the stand-in for the registry."""

import httpx
import numpy as np
import pytest

from benchmarks.espalier_bundle import MODEL_NAME, MODEL_VERSION, feature_names, write_signed_bundle
from benchmarks.registry import serving_registry
from bundle import Identity, load_public_keys, read_bundle


@pytest.fixture
def folder(workload, keys, tmp_path):
    write_signed_bundle(tmp_path / "bundle", workload, keys.private)
    return tmp_path / "bundle"


@pytest.fixture
def bundle(folder, keys):
    expected = Identity(name=MODEL_NAME, version=MODEL_VERSION)
    return read_bundle(folder, expected=expected, trusted_keys=load_public_keys([keys.public]))


def test_bundle_has_the_models_features_in_order(bundle, workload):
    assert [feature.name for feature in bundle.contract.features] == feature_names()
    assert bundle.model == workload.ubj.read_bytes()


def test_drift_is_counted_in_ten_even_bins(bundle):
    for bins in (*bundle.reference.features.values(), bundle.reference.score):
        shares = [share for label, share in zip(bins.labels, bins.shares, strict=True) if label != "missing"]
        assert len(shares) == 10
        assert np.allclose(shares, 0.1, atol=0.01)


def test_every_row_is_in_the_range_of_the_contract(bundle, workload):
    low, high = (np.array([getattr(f, side) for f in bundle.contract.features]) for side in ("minimum", "maximum"))

    assert ((low <= workload.rows) & (workload.rows <= high)).all()


def test_registry_serves_the_champion_and_its_files(folder):
    with serving_registry(folder, name="name", version="1") as uri, httpx.Client(base_url=uri) as client:
        registered = client.get("/api/2.0/mlflow/registered-models/get", params={"name": "name"}).json()
        assert registered["registered_model"]["aliases"] == [{"alias": "champion", "version": "1"}]
        listed = client.get("/api/2.0/mlflow-artifacts/artifacts", params={"path": "1"}).json()["files"]
        assert {file["path"] for file in listed} == {file.name for file in folder.iterdir()}
        for file in listed:
            served = client.get(f"/api/2.0/mlflow-artifacts/artifacts/1/run/{file['path']}")
            assert served.content == (folder / file["path"]).read_bytes()
        assert client.get("/api/2.0/mlflow-artifacts/artifacts/1/run/other").status_code == 404
        assert client.get("/other").status_code == 404
