"""Stage ``fetch``: download the data file that the pointer names, and verify it.

Reads:  the .dvc pointer, the data remote.
Gives:  the file in work/raw, and data.json with its hashes.
"""

from __future__ import annotations

import shutil

from pipelines.config.params import load_params
from pipelines.config.settings import load_settings
from pipelines.dataset.files import DATA_JSON, RAW, write_json
from pipelines.dataset.pointer import load_pointer
from pipelines.dataset.remote import Remote
from pipelines.stages.process import run_stage

__all__ = ["main"]


def main() -> str:
    """Download the data file, and reject it if its hash differs from the pointer."""
    settings = load_settings()
    pointer = load_pointer(settings.pointer_file or load_params().fetch.pointer)
    shutil.rmtree(RAW, ignore_errors=True)
    sha256 = Remote(settings).fetch(pointer, RAW / pointer.name)
    write_json(
        {"md5": pointer.md5, "sha256": sha256, "size_bytes": pointer.size_bytes, "name": pointer.name}, DATA_JSON
    )
    return f"{pointer.name}, {pointer.size_bytes / 2**20:.1f} MiB, MD5 {pointer.md5}"


if __name__ == "__main__":
    run_stage("fetch", main)
