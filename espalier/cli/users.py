"""``espalier users``: who may log in, straight in the database; how the first administrator comes to be."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from espalier.cli.output import CommandFailed, JsonOption, StateOption, print_json, print_table, say

if TYPE_CHECKING:
    from services.api.users import SqlUserStore

__all__ = ["app"]

app = typer.Typer(help="Create, list and disable users of the API.", no_args_is_help=True)

DatabaseOption = Annotated[
    str, typer.Option("--database", envvar="API_DATABASE_URL", help="SQLAlchemy URL; default: the local users.")
]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name to log in with.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="predict, model:read or users:admin; may be repeated.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, not make one.")
    ] = False,
    database: DatabaseOption = "",
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Create a user, with a random password that is shown once.

    Examples: `espalier users create ana --scope predict --scope model:read`,
    `pass show ana | espalier users create ana --scope users:admin --password-stdin`
    """
    from services.api.passwords import Passwords, check_password, random_password

    password = sys.stdin.readline().rstrip("\n") if password_stdin else random_password()
    check_password(password, user=name)
    with _store(database, state) as store:
        account = store.create(name, Passwords.with_defaults().hash(password), scope or ["predict"])
    shown = {} if password_stdin else {"password": password}
    if json:
        print_json({"name": account.name, "scopes": sorted(account.scopes), **shown})
    else:
        say(f"user {account.name} may: {', '.join(sorted(account.scopes))}")
        for text in shown.values():
            say(f"password, shown this once: {text}")


@app.command("list")
def list_users(database: DatabaseOption = "", state: StateOption = Path(".espalier"), json: JsonOption = False) -> None:
    """List users.

    Example: `espalier users list`
    """
    with _store(database, state) as store:
        accounts = store.list()
    if json:
        print_json(
            [
                {"name": a.name, "scopes": sorted(a.scopes), "disabled": a.disabled, "created": a.created}
                for a in accounts
            ]
        )
        return
    rows = [
        [a.name, ", ".join(sorted(a.scopes)), "yes" if a.disabled else "", f"{a.created:%Y-%m-%d}"] for a in accounts
    ]
    print_table("users", ["name", "scopes", "disabled", "created"], rows)


@app.command("disable")
def disable(
    name: Annotated[str, typer.Argument(help="Who may no longer log in.")],
    enable: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False,
    database: DatabaseOption = "",
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Keep a user from logging in. Tokens given out before end by themselves, within 15 minutes.

    Examples: `espalier users disable ana`, `espalier users disable ana --undo`
    """
    with _store(database, state) as store:
        account = store.set_disabled(name, not enable)
    if json:
        print_json({"name": account.name, "disabled": account.disabled})
    else:
        say(f"user {account.name} is {'disabled' if account.disabled else 'enabled'}")


def _store(database: str, state: Path) -> AbstractContextManager[SqlUserStore]:
    from espalier.local.state import State
    from services.api.users import open_user_store

    return closing(open_user_store(database or _url_from_file() or State(state).users_database))


def _url_from_file() -> str:
    """In a pod of the API the URL is in a file, for it has a password in it."""
    file = os.environ.get("API_DATABASE_URL_FILE")
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CommandFailed(f"{file} (API_DATABASE_URL_FILE) cannot be read: {error.strerror}") from error
