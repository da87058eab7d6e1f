"""The sizes of the images, which each node downloads before it can start a pod."""

import os
import re

import pytest

from espalier.cluster.images import DOCKERFILES, image_names
from espalier.cluster.release import app_version
from espalier.cluster.tools import run

MAX_MB = {"api": 350, "training": 800, "mlflow": 700}
BASE_MB = 121
"""Of the public base image. Source: docker-library/repo-info, repos/python/local/3.13-slim-bookworm.md, August 2026."""


def megabytes(image):
    return int(run("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6


@pytest.mark.parametrize("part", DOCKERFILES)
def test_image_is_small_on_the_public_base(cluster, note, part):
    if os.environ.get("E2E_CLUSTER") == "given":
        pytest.skip("the images of a given cluster are not in docker")
    base = re.search(r"^ARG PYTHON=(\S+)$", DOCKERFILES[part].read_text(), re.MULTILINE).group(1)

    added = megabytes(image_names("", app_version())[part]) - megabytes(base)

    note(f"{part} adds {added:.0f} MB to {base}")
    assert added < MAX_MB[part] - BASE_MB
