"""What .ci/slim-packages removes from the virtual environment of an image, and what it keeps."""

import re
import subprocess

import pytest

from espalier.cluster.images import DOCKERFILES
from tests.small_project import ROOT

REMOVED = (
    "pandas/tests/test_frame.py",
    "sklearn/linear_model/tests/test_base.py",
    "botocore/data/ec2/service-2.json",
    "pyarrow/include/arrow.h",
    "kubernetes/aio/client.py",
    "scipy/linalg/_flinalg.c",
    "sklearn/tree/_tree.pyx",
    "sklearn/tree/_tree.pxd",
    "pandas/_libs/lib.pyi",
)
KEPT = (
    "pandas/core/frame.py",
    "pandas/testing.py",
    "botocore/data/s3/service-2.json",
    "botocore/data/sts/service-2.json",
    "botocore/data/endpoints.json",
    "pyarrow/parquet/core.py",
    "kubernetes/client.py",
)


def slim(folder, names):
    packages = folder / "lib/python3.13/site-packages"
    for name in names:
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).touch()
    subprocess.run(["sh", ROOT / ".ci/slim-packages", folder], check=True, timeout=60)
    return {str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()}


def test_what_an_image_never_runs_is_removed(tmp_path):
    assert slim(tmp_path, (*REMOVED, *KEPT)) == set(KEPT)


def test_image_without_these_packages_stays_as_it_is(tmp_path):
    assert slim(tmp_path, ("fastapi/app.py",)) == {"fastapi/app.py"}


@pytest.mark.parametrize("path", DOCKERFILES.values(), ids=list(DOCKERFILES))
def test_every_image_is_slimmed_and_keeps_no_cache(path):
    text = (ROOT / path).read_text()
    installs = re.findall(r"pip (?:install|sync) .*", text)

    assert "sh .ci/slim-packages " in text
    assert installs and all("--no-cache" in command for command in installs)
    assert len(re.findall(r"^FROM ", text, re.M)) == 2, "what builds the image stays in the first one"
