"""``espalier load``: load on the API, a report, and an exit code for each verdict."""

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
"""An hour at 277 a second: enough for a soak, and what fits in memory."""

MAX_FILES = 65_536
CLUSTER_USER = "demo"
LOCAL_URL = "https://localhost:8443"
EXIT_CODES = {"pass": 0, "fail": 1, "void": 3}
VERDICT_TEXTS = {
    "pass": "[bold green]Both objectives hold.[/]",
    "fail": "[bold red]An objective does not hold.[/]",
    "void": "[bold yellow]The figures do not count: see above.[/]",
}


class CannotLoad(CommandFailed):
    """Nothing was measured; not to be taken for a broken objective."""

    exit_code = 2


def load(  # noqa: PLR0913, PLR0917 - each is an option
    user: Annotated[str, typer.Option(help="Who asks; default: demo, where make up has made it.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with the user's password.")] = None,
    password: Annotated[
        str, typer.Option(envvar="ESPALIER_PASSWORD", help="Instead of the file; asked for without either.")
    ] = "",
    rate: Annotated[float, typer.Option(min=1, max=2000, help="Requests a second.")] = 50,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long, after the warm-up.")] = 60,
    warm_up: Annotated[float, typer.Option(min=0, max=600, help="Seconds before, at the same rate; not judged.")] = 10,
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="Rows a request.")] = 1,
    request: Annotated[Path, typer.Option(help='What to ask: JSON, {"rows": [...]}, repeated to as many rows.')] = Path(
        "docs/example-request.json"
    ),
    new_every: Annotated[int, typer.Option(min=0, help="Each so-many-th on a connection of its own; 0: none.")] = 10,
    url: Annotated[
        str,
        typer.Option(
            envvar="ESPALIER_URL",
            help="Where the API is; default: make up's without --user, else https://localhost:8443.",
        ),
    ] = "",
    cacert: CaOption = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Send predictions at a fixed rate, however slow the answers are, and judge availability and latency.

    Exit code: 0 both objectives hold, 1 one does not, 3 the figures do not count, 2 nothing was measured.

    Examples: `espalier load`, `espalier load --user ana --rate 200 --seconds 300 --json`
    """
    import aiohttp

    from espalier.load.generator import Load
    from espalier.load.verdict import Plan

    plan = Plan((url or _find_url(user, state)).rstrip("/"), rate, seconds, warm_up, rows)
    if rate * (seconds + warm_up) > MAX_REQUESTS:
        raise CannotLoad(f"{rate:g} a second for {seconds + warm_up:g} s is more than {MAX_REQUESTS:,} requests")
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
        raise CannotLoad(f"the load did not begin: {error}") from error
    verdict = _report(sent, plan, state / "load", json=json)
    sys.exit(EXIT_CODES[verdict.verdict])


def _read_rows(path: Path, rows: int) -> list[Any]:
    try:
        found = jsonlib.loads(path.read_text(encoding="utf-8"))["rows"]
        return [found[number % len(found)] for number in range(rows)]
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise CannotLoad(f'{path}: expected JSON, {{"rows": [...]}}: {error}') from error


def _find_user(user: str, state: Path) -> str:
    if user or (state / "cluster/password").exists():
        return user or CLUSTER_USER
    raise CannotLoad(
        "who asks? No cluster of make up is known here. For the API of make serve: espalier users create NAME, keep "
        "the password that it prints in a FILE, then make load USER=NAME PASSWORD_FILE=FILE (espalier load --user NAME "
        "--password-file FILE)"
    )


def _find_url(user: str, state: Path) -> str:
    """Return where make up serves, for its own user; else where make serve does."""
    of_cluster = state / "cluster/url"
    if user in ("", CLUSTER_USER) and of_cluster.exists():
        return of_cluster.read_text(encoding="utf-8").strip()
    return LOCAL_URL


def _find_password(user: str, file: Path | None, given: str, state: Path) -> str:
    of_cluster = state / "cluster/password"
    if file is None and not given and user == CLUSTER_USER and of_cluster.exists():
        file = of_cluster
    try:
        if file is not None:
            return file.read_text(encoding="utf-8").strip()
        if given:
            return given
        if sys.stdin.isatty():
            return str(typer.prompt(f"Password of {user}", hide_input=True, err=True))
    except (OSError, ValueError, typer.Abort) as error:
        raise CannotLoad(f"no password of {user}: {error}") from error
    raise CannotLoad(f"no password of {user}: --password-file (make load PASSWORD_FILE=...) or ESPALIER_PASSWORD")


def _try_once(url: str, trusted: list[Path], user: str, password: str, body: bytes) -> Target:
    """Log in and predict once, so that what is wrong with the call is said in the API's own words."""
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
    """Raise the limit of open files as far as one may: an API that hangs leaves a connection open a request."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _send(sent: Load, plan: Plan) -> None:
    """Send with a bar, drawn twice a second from the loop: a thread of its own would take turns with the requests."""
    from rich.console import Console
    from rich.progress import Progress

    whole = plan.warm_up_seconds + plan.seconds
    began = time.monotonic()
    with Progress(console=Console(stderr=True), auto_refresh=False) as progress:
        task = progress.add_task("", total=whole)

        def draw(done: float) -> None:
            text = f"{sent.sent:,} sent, {sent.sent - len(sent.answers):,} under way, {sent.failed:,} failed"
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
        print_table(f"Load on {plan.url}", ["", ""], rows)
    say(f"{VERDICT_TEXTS[verdict.verdict]} Report and picture: {files[0]}, {files[1]}")
    return verdict
