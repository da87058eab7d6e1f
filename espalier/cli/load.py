"""``espalier load``: a load test of the API, with a report and an exit code."""

from __future__ import annotations

import asyncio
import json as jsonlib
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bundle import ExpectedError
from espalier.cli.client import Access, CaOption, PasswordFileOption, UrlOption, UserOption, find_access
from espalier.cli.output import CommandFailed, JsonOption, StateOption, print_json, print_table, say

if TYPE_CHECKING:
    from espalier.load.generator import Load, Target
    from espalier.load.verdict import Plan, Verdict

__all__ = ["load"]

MAX_REQUESTS = 1_000_000
"""An hour at 277 requests per second; as many results as fit in memory."""

MAX_FILES = 65_536
EXIT_CODES = {"pass": 0, "fail": 1, "void": 3}
VERDICT_TEXTS = {
    "pass": "[bold green]Both objectives are met.[/]",
    "fail": "[bold red]An objective is missed.[/]",
    "void": "[bold yellow]The result is void: see the reason above.[/]",
}


class CannotLoad(CommandFailed):
    """Nothing was measured; has its own exit code, so that it is not mistaken for a missed objective."""

    exit_code = 2


def load(  # noqa: PLR0913, PLR0917 - each is an option
    user: UserOption = "",
    password_file: PasswordFileOption = None,
    rate: Annotated[float, typer.Option(min=1, max=2000, help="Requests per second.")] = 50,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Duration, after the warm-up.")] = 60,
    warm_up: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds of warm-up at the same rate; not judged.")
    ] = 10,
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="Rows per request.")] = 1,
    request: Annotated[
        Path, typer.Option(help='Request body: JSON, {"rows": [...]}; its rows are repeated as needed.')
    ] = Path("docs/example-request.json"),
    new_every: Annotated[int, typer.Option(min=0, help="Every N-th request uses a new connection; 0: none.")] = 10,
    url: UrlOption = "",
    cacert: CaOption = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Send predictions at a fixed rate, even if the responses are slow, and judge availability and latency.

    Exit codes: 0 both objectives are met, 1 an objective is missed, 2 nothing was measured, 3 the result is void.

    Examples: `espalier load`, `espalier load --user ana --rate 200 --seconds 300 --json`
    """
    import aiohttp

    from espalier.load.generator import Load
    from espalier.load.verdict import Plan

    if rate * (seconds + warm_up) > MAX_REQUESTS:
        raise CannotLoad(
            f"{rate:g} requests per second for {seconds + warm_up:g} s are more than {MAX_REQUESTS:,} requests"
        )
    sent_rows = _read_rows(request, rows)
    access = _find_access(url, user, password_file, cacert, state)
    plan = Plan(access.url, rate, seconds, warm_up, rows)
    target = _try_once(access, sent_rows)
    _allow_connections()
    sent = Load(target, new_every=new_every)
    try:
        (state / "load").mkdir(parents=True, exist_ok=True)
        asyncio.run(_send(sent, plan))
    except (aiohttp.ClientError, OSError) as error:
        raise CannotLoad(f"the load did not start: {error}") from error
    verdict = _report(sent, plan, state / "load", json=json)
    sys.exit(EXIT_CODES[verdict.verdict])


def _read_rows(path: Path, rows: int) -> list[Any]:
    try:
        examples = jsonlib.loads(path.read_text(encoding="utf-8"))["rows"]
        return [examples[number % len(examples)] for number in range(rows)]
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise CannotLoad(f'{path}: expected JSON, {{"rows": [...]}}: {error}') from error


def _find_access(url: str, user: str, password_file: Path | None, cacert: Path | None, state: Path) -> Access:
    try:
        return find_access(url, user, password_file, None, cacert, state)
    except ExpectedError as error:
        raise CannotLoad(f"{error}; with make: make load USER=NAME PASSWORD_FILE=FILE") from error


def _try_once(access: Access, rows: list[Any]) -> Target:
    """Log in and predict once, so that a wrong request fails with the explanation of the API."""
    from espalier.client import Retries, trust
    from espalier.load.generator import Target

    try:
        with access.connect(Retries(attempts=1)) as client:
            model = client.predict(rows, rows_per_request=len(rows)).model
    except ExpectedError as error:
        raise CannotLoad(str(error)) from error
    say(f"{access.url} serves {escape(model.name)} version {escape(model.version)}")
    body = jsonlib.dumps({"rows": rows}).encode()
    return Target(access.url, trust(*access.authorities), access.user or "", access.password or "", body)


def _allow_connections() -> None:
    """Raise the limit of open files: if the API hangs, every request keeps a connection open."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    desired = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < desired:
        resource.setrlimit(resource.RLIMIT_NOFILE, (desired, hard))


async def _send(sent: Load, plan: Plan) -> None:
    """Send, and draw a progress bar twice per second from the event loop: a thread would delay the requests."""
    from rich.console import Console
    from rich.progress import Progress

    whole = plan.warm_up_seconds + plan.seconds
    began = time.monotonic()
    with Progress(console=Console(stderr=True), auto_refresh=False) as progress:
        task = progress.add_task("", total=whole)

        def draw(done: float) -> None:
            text = f"{sent.sent:,} sent, {sent.sent - len(sent.answers):,} pending, {sent.failed:,} failed"
            progress.update(task, completed=done, description=text, refresh=True)

        async def keep_drawing() -> None:
            while True:
                draw(min(whole, time.monotonic() - began))
                await asyncio.sleep(0.5)

        drawing = asyncio.create_task(keep_drawing())
        await sent.open_loop(plan.rate, whole)
        drawing.cancel()
        draw(whole)


def _report(sent: Load, plan: Plan, folder: Path, *, json: bool) -> Verdict:
    from espalier.load.report import lines, write_report
    from espalier.load.verdict import OBJECTIVES, judge

    verdict = judge(sent, plan, OBJECTIVES)
    files = write_report(folder, sent.answers, verdict, OBJECTIVES)
    if json:
        print_json(asdict(verdict))
    else:
        rows = [[name, escape(text)] for name, text in lines(verdict, OBJECTIVES)]
        print_table(f"Load test of {plan.url}", ["", ""], rows)
    say(f"{VERDICT_TEXTS[verdict.verdict]} Report: {files[0]}, plot: {files[1]}")
    return verdict
