import hashlib
import json


def test_manifest_has_the_digest_and_size_of_every_other_file(make_bundle, tmp_path):
    folder = make_bundle(tmp_path)

    manifest = json.loads((folder / "manifest.json").read_text())

    assert set(manifest["files"]) == {"model.ubj", "contract.json", "reference.json", "metrics.json"}
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


def test_writing_again_takes_the_old_signature_away(make_bundle, tmp_path):
    make_bundle(tmp_path)

    make_bundle(tmp_path, sign_with=None)

    assert not (tmp_path / "manifest.sig").exists()


def test_no_pickle_in_it(make_bundle, tmp_path):
    folder = make_bundle(tmp_path)

    assert {path.suffix for path in folder.iterdir()} == {".ubj", ".json", ".sig"}
