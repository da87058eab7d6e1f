import dataclasses
import hashlib
import io
import json
import os

import pytest

from bundle import (
    ALL_FILES,
    BUNDLE_FILES,
    AlteredBundle,
    BundleError,
    BundleTooLarge,
    Identity,
    MalformedBundle,
    MissingFile,
    RejectedBundle,
    UnexpectedFile,
    UnsignedBundle,
    UntrustedSignature,
    WrongIdentity,
    load_private_key,
    load_public_keys,
    read_bundle,
    sign_bundle,
)
from bundle.reader import check_names


def sign_as_it_is(folder, keys):
    """Sign content that training would never write."""
    content = (folder / "manifest.json").read_bytes()
    (folder / "manifest.sig").write_bytes(load_private_key(keys.private).sign(content))


ORCHARD = Identity(name="orchard", version="7")


@pytest.fixture
def folder(make_bundle, tmp_path):
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def trusted(keys):
    return load_public_keys([keys.public])


def test_written_bundle_can_be_read(
    folder, trusted, contract, reference, bundle_metrics, lineage, booster, golden_rows
):
    bundle = read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)

    assert bundle.model == bytes(booster.save_raw("ubj"))
    assert bundle.contract == contract
    assert bundle.reference == reference
    assert bundle.metrics == bundle_metrics
    assert bundle.manifest.lineage == lineage
    assert bundle.golden_rows.to_bytes() == golden_rows.to_bytes()


@pytest.mark.parametrize("name", ALL_FILES)
def test_one_changed_byte_is_refused(folder, trusted, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises((AlteredBundle, UntrustedSignature)) as caught:
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)

    assert name in str(caught.value)


@pytest.mark.parametrize("name", [name for name in ALL_FILES if name != "manifest.sig"])
def test_missing_file_is_named(folder, trusted, name):
    (folder / name).unlink()

    with pytest.raises(MissingFile, match=name):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_unsigned_bundle_is_refused(folder, trusted):
    (folder / "manifest.sig").unlink()

    with pytest.raises(UnsignedBundle, match="gate"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_signature_of_another_key_is_refused(folder, trusted, other_keys):
    sign_bundle(folder, load_private_key(other_keys.private))

    with pytest.raises(UntrustedSignature):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_any_trusted_key_is_accepted(folder, keys, other_keys):
    bundle = read_bundle(folder, expected=ORCHARD, trusted_keys=load_public_keys([other_keys.public, keys.public]))

    assert bundle.contract.model_name == "orchard"


def test_bundle_of_exactly_the_limit_is_read(folder, trusted):
    size = sum((folder / name).stat().st_size for name in ALL_FILES)

    assert read_bundle(folder, expected=ORCHARD, trusted_keys=trusted, max_bytes=size)
    with pytest.raises(BundleTooLarge):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted, max_bytes=size - 1)


def test_default_limit_is_256_mebibytes(folder, trusted):
    def grow_to(size):
        others = sum((folder / name).stat().st_size for name in ALL_FILES if name != "model.ubj")
        os.truncate(folder / "model.ubj", size - others)  # sparse: it takes no space

    grow_to(256 * 2**20 + 1)
    with pytest.raises(BundleTooLarge):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)
    grow_to(130 * 2**20)
    with pytest.raises(AlteredBundle):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_too_large_bundle_is_refused_before_it_is_read(folder, trusted, monkeypatch):
    def opened(path, *_arguments, **_options):
        raise AssertionError(f"{path} is opened")

    with monkeypatch.context() as watched, pytest.raises(BundleTooLarge, match="limit of 100"):
        watched.setattr(io, "open", opened)  # pathlib's
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted, max_bytes=100)


@pytest.mark.parametrize("name", ["model.pkl", "run.py", "model.joblib"])
def test_unexpected_file_is_refused_and_named(folder, trusted, name):
    (folder / name).write_bytes(b"x")

    with pytest.raises(UnexpectedFile, match=name):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_link_with_an_expected_name_is_refused(folder, trusted, tmp_path):
    real = tmp_path / "elsewhere.ubj"
    (folder / "model.ubj").rename(real)
    os.symlink(real, folder / "model.ubj")

    with pytest.raises(UnexpectedFile, match=r"model\.ubj"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_subfolder_is_refused(folder, trusted):
    (folder / "code").mkdir()

    with pytest.raises(UnexpectedFile, match="code"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_companion_files_are_allowed_and_not_opened(folder, trusted):
    (folder / "MLmodel").write_text("loader_module: os")

    assert read_bundle(folder, expected=ORCHARD, trusted_keys=trusted).contract.model_name == "orchard"


def test_missing_folder_is_named(tmp_path, trusted):
    with pytest.raises(MissingFile, match="nowhere"):
        read_bundle(tmp_path / "nowhere", expected=ORCHARD, trusted_keys=trusted)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": 2}', r"manifest\.json: identity"),
        ("[]", "not a JSON object"),
        ("{", "not a JSON object"),
        ('{"format": 1, "files": {}}', "format is 1, but this release reads 2 and 3; train the model again"),
        ('{"format": 4}', "format is 4, but this release reads 2 and 3"),
        ('{"format": [3]}', r"format is \[3\], but"),
        ("{}", "format is None"),
    ],
)
def test_signed_invalid_manifest_is_malformed(folder, trusted, keys, content, message):
    (folder / "manifest.json").write_text(content)
    sign_as_it_is(folder, keys)

    with pytest.raises(MalformedBundle, match=message):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_manifest_must_list_every_file(folder, trusted, keys):
    text = (folder / "manifest.json").read_text().replace('"reference.json"', '"something.json"')
    (folder / "manifest.json").write_text(text)
    sign_as_it_is(folder, keys)

    with pytest.raises(MalformedBundle, match="must list"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


@pytest.fixture
def rewrite(folder, keys):
    """Change one of the signed files as training could have written it."""

    def run(name, change):
        parsed = json.loads((folder / name).read_text())
        change(parsed)
        content = json.dumps(parsed).encode()
        (folder / name).write_bytes(content)
        manifest = json.loads((folder / "manifest.json").read_text())
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        if name != "manifest.json":
            manifest["files"][name] = entry
        (folder / "manifest.json").write_text(json.dumps(manifest))
        sign_as_it_is(folder, keys)

    return run


@pytest.mark.parametrize("member", ["features", "contributions"])
def test_reference_with_other_features_is_malformed(folder, trusted, rewrite, member):
    rewrite("reference.json", lambda parsed: parsed[member].update(pruned=parsed[member].pop("grafted")))

    with pytest.raises(MalformedBundle, match="same features"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_older_bundle_without_optional_fields_is_read(folder, trusted, rewrite):
    rewrite("reference.json", lambda parsed: parsed.pop("contributions"))
    rewrite("manifest.json", lambda parsed: parsed["lineage"].pop("data_until"))

    bundle = read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)

    assert bundle.reference.contributions is None
    assert bundle.manifest.lineage.data_until is None


def test_bundle_of_format_2_has_no_golden_rows(make_bundle, tmp_path, trusted, contract):
    folder = make_bundle(tmp_path / "older", manifest_format=2)

    bundle = read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)

    assert bundle.golden_rows is None
    assert bundle.contract == contract


def test_golden_rows_that_no_manifest_lists_are_refused(make_bundle, tmp_path, trusted, golden_rows):
    folder = make_bundle(tmp_path / "older", manifest_format=2)
    (folder / "golden_rows.safetensors").write_bytes(golden_rows.to_bytes())

    with pytest.raises(UnexpectedFile, match="does not list it"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


@pytest.mark.parametrize("written", [2, 3])
def test_format_decides_whether_golden_rows_are_listed(make_bundle, tmp_path, trusted, keys, written):
    folder = make_bundle(tmp_path / "written", manifest_format=written)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 5 - written}))
    sign_as_it_is(folder, keys)

    with pytest.raises(MalformedBundle, match=f"of format {5 - written} must list"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_signed_golden_rows_of_another_contract_are_malformed(make_bundle, tmp_path, trusted, golden_rows):
    narrow = dataclasses.replace(golden_rows, rows=golden_rows.rows[:, :4])
    folder = make_bundle(tmp_path / "narrow", golden=narrow)

    with pytest.raises(MalformedBundle, match=r"^golden_rows\.safetensors does not have the header"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


@pytest.mark.parametrize(
    "expected", [Identity(name="orchard", version="8"), Identity(name="vineyard", version="7")], ids=str
)
def test_signed_bundle_of_another_version_or_model_is_refused(folder, trusted, expected):
    with pytest.raises(WrongIdentity, match=f"signed for orchard version 7, but {expected} was requested"):
        read_bundle(folder, expected=expected, trusted_keys=trusted)


def test_contract_of_another_model_is_malformed(folder, trusted, rewrite):
    rewrite("contract.json", lambda parsed: parsed.update(model_name="vineyard"))

    with pytest.raises(MalformedBundle, match="is for vineyard"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_signed_rejection_is_refused(folder, trusted, rewrite):
    rewrite("manifest.json", lambda parsed: parsed["verdict"].update(passed=False))

    with pytest.raises(RejectedBundle, match="did not pass the gate"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_verdict_names_the_champion_that_it_was_compared_with(folder, trusted, verdict):
    assert read_bundle(folder, expected=ORCHARD, trusted_keys=trusted).manifest.verdict == verdict
    assert verdict.champion_version == "6"


def test_time_without_a_zone_is_malformed(folder, trusted, rewrite):
    rewrite("manifest.json", lambda parsed: parsed["lineage"].update(data_until="2026-01-01T00:00:00"))

    with pytest.raises(MalformedBundle, match=r"^manifest\.json: lineage\.data_until: "):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_listing_is_checked_without_files():
    with pytest.raises(UnexpectedFile, match=r"evil\.pkl"):
        check_names([*BUNDLE_FILES, "evil.pkl"])


def test_every_error_has_a_unique_reason():
    reasons = [kind.reason for kind in BundleError.__subclasses__()]

    assert len(set(reasons)) == len(reasons)


def test_scores_of_another_type_of_target_are_malformed(folder, trusted, rewrite):
    regression = {"rows": 100, "mse": 1, "base_mse": 2, "mae": 1, "base_mae": 2, "rmse": 1}
    rewrite("metrics.json", lambda parsed: parsed.update(test=regression, slices=[]))

    with pytest.raises(MalformedBundle, match="scores of a target of type binary"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)


def test_reference_with_other_classes_is_malformed(folder, trusted, rewrite):
    rewrite("reference.json", lambda parsed: parsed["label_shares"].update(felled=parsed["label_shares"].pop("bare")))

    with pytest.raises(MalformedBundle, match="same classes"):
        read_bundle(folder, expected=ORCHARD, trusted_keys=trusted)
