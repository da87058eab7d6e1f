"""Run the load generator of ``espalier load`` in a process that a test can stop early; it writes a JSON line an answer.

    python -m tests.e2e.load --url https://localhost:9443 --ca ca.pem --user u --rate 50 --seconds 60 --results FILE

The password comes from the environment (LOAD_PASSWORD). The load stops early when the file of --stop exists. With
``--rate 0`` sixteen clients in a closed loop send as fast as they can, to measure the capacity.
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
    """Send the load, and write the answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--stop", type=Path)
    options = parser.parse_args()
    body = (ROOT / "docs/example-request.json").read_bytes()
    tls = ssl.create_default_context(cafile=str(options.ca))
    load = Load(Target(options.url, tls, options.user, os.environ["LOAD_PASSWORD"], body))
    if options.rate:
        asyncio.run(load.open_loop(options.rate, options.seconds, lambda: bool(options.stop and options.stop.exists())))
    else:
        asyncio.run(load.closed_loop(options.seconds))
    options.results.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in load.answers))


if __name__ == "__main__":
    main()
