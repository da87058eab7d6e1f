"""The load generator of ``espalier load`` as a process of its own, which a test can end early; one JSON line an answer.

    python -m tests.e2e.load --url https://localhost:9443 --ca ca.pem --user u --rate 50 --seconds 60 --results FILE

The password comes from the environment (LOAD_PASSWORD). A file named by --stop ends it early. ``--rate 0`` asks
instead as fast as sixteen clients in a closed loop can, to find the capacity.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
from dataclasses import asdict
from pathlib import Path

from espalier.load.generator import Load, Target

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Run, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--stop", type=Path)
    given = parser.parse_args()
    body = (ROOT / "docs/example-request.json").read_bytes()
    tls = ssl.create_default_context(cafile=str(given.ca))
    load = Load(Target(given.url, tls, given.user, os.environ["LOAD_PASSWORD"], body))
    if given.rate:
        asyncio.run(load.open_loop(given.rate, given.seconds, lambda: bool(given.stop and given.stop.exists())))
    else:
        asyncio.run(load.closed_loop(given.seconds))
    given.results.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in load.answers))


if __name__ == "__main__":
    main()
