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

from espalier.cli.client import CaOption, authorities
from espalier.cli.output import CommandFailed, JsonOption, StateOption, print_json, print_table, say
from espalier.client import RequestRefused, call, get_token, open_client, trust

if TYPE_CHECKING:
    from espalier.load.generator import Load, Target
    from espalier.load.verdict import Plan, Verdict

__all__ = ["load"]

MAX_REQUESTS = 1_000_000
"""An hour at 277 requests per second; as many results as fit in memory."""

MAX_FILES = 65_536
CLUSTER_USER = "demo"
LOCAL_URL = "https://localhost:8443"
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
    user: Annotated[str, typer.Option(help="User that sends the requests; default: demo, if make up created it.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with the password of the user.")] = None,
    password: Annotated[
        str, typer.Option(envvar="ESPALIER_PASSWORD", help="Password, instead of the file; default: prompt.")
    ] = "",
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
    url: Annotated[
        str,
        typer.Option(
            envvar="ESPALIER_URL",
            help="URL of the API; default: that of make up without --user, otherwise https://localhost:8443.",
        ),
    ] = "",
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

    plan = Plan((url or _find_url(user, state)).rstrip("/"), rate, seconds, warm_up, rows)
    if rate * (seconds + warm_up) > MAX_REQUESTS:
        raise CannotLoad(
            f"{rate:g} requests per second for {seconds + warm_up:g} s are more than {MAX_REQUESTS:,} requests"
        )
    trusted = authorities(plan.url, cacert, state)
    body = jsonlib.dumps({"rows": _read_rows(request, rows)}).encode()
    who = _find_user(user, state)
    target = _try_once(plan.url, trusted, who, _find_password(who, password_file, password, state), body)
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


def _find_user(user: str, state: Path) -> str:
    if user or (state / "cluster/password").exists():
        return user or CLUSTER_USER
    raise CannotLoad(
        "no user: this checkout has no cluster of make up. For the API of make serve, run espalier users create NAME, "
        "save the password that it prints in FILE, then run make load USER=NAME PASSWORD_FILE=FILE (or espalier load "
        "--user NAME --password-file FILE)"
    )


def _find_url(user: str, state: Path) -> str:
    """Return the URL of make up, for its user; otherwise that of make serve."""
    of_cluster = state / "cluster/url"
    if user in ("", CLUSTER_USER) and of_cluster.exists():
        return of_cluster.read_text(encoding="utf-8").strip()
    return LOCAL_URL


def _find_password(user: str, file: Path | None, password: str, state: Path) -> str:
    of_cluster = state / "cluster/password"
    if file is None and not password and user == CLUSTER_USER and of_cluster.exists():
        file = of_cluster
    try:
        if file is not None:
            return file.read_text(encoding="utf-8").strip()
        if password:
            return password
        if sys.stdin.isatty():
            return str(typer.prompt(f"Password of {user}", hide_input=True, err=True))
    except (OSError, ValueError, typer.Abort) as error:
        raise CannotLoad(f"cannot get the password of {user}: {error}") from error
    raise CannotLoad(
        f"no password of {user}: use --password-file (make load PASSWORD_FILE=...) or set ESPALIER_PASSWORD"
    )


def _try_once(url: str, trusted: list[Path], user: str, password: str, body: bytes) -> Target:
    """Log in and predict once, so that a wrong request fails with the explanation of the API."""
    from espalier.load.generator import Target

    try:
        with open_client(url, *trusted) as client:
            token = get_token(client, user, password)["access_token"]
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            model = call(client, "POST", "/v1/predict", headers=headers, content=body)["model"]
        say(f"{url} serves {escape(str(model['name']))} version {escape(str(model['version']))}")
        return Target(url, trust(*trusted), user, password, body)
    except (RequestRefused, OSError, ValueError, LookupError, TypeError) as error:
        raise CannotLoad(str(error)) from error


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
