"""Rules for the repository itself: lock, credentials, make targets."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines()]


def test_lock_names_hashes_and_no_hosts():
    text = (ROOT / "uv.lock").read_text()
    lock = tomllib.loads(text)

    assert not re.search(r'(url|registry) = "https?://', text)
    for package in lock["package"]:
        for file in [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]:
            assert file["hash"].startswith("sha256:"), package["name"]


FLOORS = {
    "mlflow": (3, 17, 2),
    "pyjwt": (2, 15, 0),
    "starlette": (1, 3, 1),
    "fastapi": (0, 133),
    "gunicorn": (26, 2, 2),
    "h11": (0, 16),
    "python-multipart": (0, 0, 27),
    "orjson": (3, 11, 6),
    "urllib3": (2, 7, 0),
    "cryptography": (50,),
}
"""Lowest versions without a known vulnerability that matters here; docs/security.md has the advisories."""


def test_locked_versions_are_above_the_security_floors():
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked = {package["name"]: tuple(map(int, re.findall(r"\d+", package.get("version", "")))) for package in packages}

    assert set(FLOORS) <= set(locked)
    assert {name: locked[name] for name, floor in FLOORS.items() if locked[name] < floor} == {}


def test_no_private_key_or_credential_is_committed():
    credential = re.compile(
        rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n|AKIA[0-9A-Z]{16}|(aws_)?secret_access_key *= *[A-Za-z0-9/+]{16}"
    )
    for path in tracked():
        if path.is_file() and path.name != "uv.lock":
            assert not credential.search(path.read_bytes()), path


def test_make_targets_are_explained():
    text = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (\S+)", text, re.M))

    assert phony == set(re.findall(r"^([a-z0-9-]+):.*## \S", text, re.M))


def test_pages_name_existing_targets():
    targets = set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), re.M))

    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for line in re.findall(r"^make ([a-z0-9-]+)|`make ([a-z0-9-]+)", page.read_text(), re.M):
            assert next(filter(None, line)) in targets, (page, line)
