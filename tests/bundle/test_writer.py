import hashlib
import json

import pytest

from bundle import Identity, RejectedBundle, load_private_key, sign_bundle, write_manifest


def test_manifest_lists_digest_and_size_of_every_file(make_bundle, tmp_path):
    folder = make_bundle(tmp_path)

    manifest = json.loads((folder / "manifest.json").read_text())

    assert manifest["format"] == 3
    assert set(manifest["files"]) == {
        "model.ubj",
        "contract.json",
        "reference.json",
        "metrics.json",
        "golden_rows.safetensors",
    }
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


def test_writing_again_removes_the_old_signature(make_bundle, tmp_path):
    make_bundle(tmp_path)

    make_bundle(tmp_path, sign_with=None)

    assert not (tmp_path / "manifest.sig").exists()


def test_bundle_contains_no_pickle(make_bundle, tmp_path):
    folder = make_bundle(tmp_path)

    assert {path.suffix for path in folder.iterdir()} == {".ubj", ".json", ".sig", ".safetensors"}


def test_rejected_model_is_not_signed(make_bundle, tmp_path, keys, verdict, lineage):
    make_bundle(tmp_path)
    rejected = verdict.model_copy(update={"passed": False})
    write_manifest(tmp_path, identity=Identity(name="orchard", version="7"), verdict=rejected, lineage=lineage)

    with pytest.raises(RejectedBundle, match="orchard version 7 did not pass"):
        sign_bundle(tmp_path, load_private_key(keys.private))

    assert not (tmp_path / "manifest.sig").exists()
