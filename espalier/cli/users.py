"""``espalier users``: manage users directly in the database, for example the first administrator."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from espalier.cli.output import CommandFailed, JsonOption, StateOption, print_json, print_table, say

if TYPE_CHECKING:
    from services.api.auth.accounts import Account, UserChange
    from services.api.auth.users import SqlUserStore

__all__ = ["app"]

app = typer.Typer(
    help="Create, list, change and delete users of the API, with the same rules as the API.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(help="Name of the user.")]
DatabaseOption = Annotated[
    str, typer.Option("--database", envvar="API_DATABASE_URL", help="SQLAlchemy URL; default: the local database.")
]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of generating one.")
]
SCOPE_HELP = "predict, model:read, feedback:write or users:admin; may be repeated."
LOCAL = Path(".espalier")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Login name.")],
    scope: Annotated[list[str] | None, typer.Option(help=f"{SCOPE_HELP} Default: the first 2.")] = None,
    password_stdin: StdinOption = False,
    database: DatabaseOption = "",
    state: StateOption = LOCAL,
    json: JsonOption = False,
) -> None:
    """Create a user with a random password, which is printed once, to standard output.

    Examples: `espalier users create ana`, `espalier users create ana --scope predict`,
    `pass show ana | espalier users create ana --scope users:admin --password-stdin`
    """
    password, encoded = _new_password(name, password_stdin)
    with _store(database, state) as store:
        account = store.create(name, encoded, scope or ["predict", "model:read"])
    _report(account, json, "" if password_stdin else password)


@app.command("list")
def list_users(database: DatabaseOption = "", state: StateOption = LOCAL, json: JsonOption = False) -> None:
    """List users.

    Example: `espalier users list`
    """
    with _store(database, state) as store:
        accounts = store.list()
    if json:
        print_json([_shown(account) | {"created": account.created} for account in accounts])
        return
    rows = [
        [a.name, ", ".join(sorted(a.scopes)), "yes" if a.disabled else "", f"{a.created:%Y-%m-%d}"] for a in accounts
    ]
    print_table("users", ["name", "scopes", "disabled", "created"], rows)


@app.command("password")
def password(
    name: NameArgument,
    password_stdin: StdinOption = False,
    database: DatabaseOption = "",
    state: StateOption = LOCAL,
    json: JsonOption = False,
) -> None:
    """Set a new password. Existing tokens expire within a minute.

    Examples: `espalier users password ana`, `pass show ana | espalier users password ana --password-stdin`
    """
    from services.api.auth.accounts import UserChange

    new, encoded = _new_password(name, password_stdin)
    _change(name, UserChange(password_hash=encoded), database, state, json, "" if password_stdin else new)


@app.command("reset")
def reset(
    name: NameArgument, database: DatabaseOption = "", state: StateOption = LOCAL, json: JsonOption = False
) -> None:
    """Print a code with which a user sets a new password within an hour. The present password is valid until then.

    Example: `espalier users reset ana`
    """
    from services.api.auth.passwords.password_resets import RESET_SECONDS, PasswordResets

    with _store(database, state) as store:
        code = PasswordResets(store).create(name)
    if json:
        print_json({"name": name, "code": code, "expires_in": RESET_SECONDS})
        return
    say(f"user {name} sets a new password with this code, at POST /v1/auth/password, within an hour:")
    sys.stdout.write(f"{code}\n")


@app.command("scopes")
def scopes(
    name: NameArgument,
    scope: Annotated[list[str], typer.Option(help=SCOPE_HELP)],
    database: DatabaseOption = "",
    state: StateOption = LOCAL,
    json: JsonOption = False,
) -> None:
    """Replace the scopes of a user. Existing tokens expire within a minute.

    Example: `espalier users scopes ana --scope predict --scope users:admin`
    """
    from services.api.auth.accounts import UserChange

    _change(name, UserChange(scopes=scope), database, state, json)


@app.command("disable")
def disable(
    name: NameArgument, database: DatabaseOption = "", state: StateOption = LOCAL, json: JsonOption = False
) -> None:
    """Disable the login of a user. Existing tokens expire within a minute.

    Example: `espalier users disable ana`
    """
    from services.api.auth.accounts import UserChange

    _change(name, UserChange(disabled=True), database, state, json)


@app.command("enable")
def enable(
    name: NameArgument, database: DatabaseOption = "", state: StateOption = LOCAL, json: JsonOption = False
) -> None:
    """Enable the login of a disabled user.

    Example: `espalier users enable ana`
    """
    from services.api.auth.accounts import UserChange

    _change(name, UserChange(disabled=False), database, state, json)


@app.command("delete")
def delete(
    name: NameArgument, database: DatabaseOption = "", state: StateOption = LOCAL, json: JsonOption = False
) -> None:
    """Delete a user. Existing tokens expire within a minute.

    Example: `espalier users delete ana`
    """
    with _store(database, state) as store:
        store.delete(name)
    if json:
        print_json({"name": name, "deleted": True})
    else:
        say(f"user {name} is deleted")


def _new_password(name: str, from_stdin: bool) -> tuple[str, str]:
    from services.api.auth.passwords.hashing import Passwords, check_password, random_password

    password = sys.stdin.readline().rstrip("\r\n") if from_stdin else random_password()
    check_password(password, user=name)
    return password, Passwords().hash(password)


def _change(name: str, change: UserChange, database: str, state: Path, json: bool, password: str = "") -> None:
    with _store(database, state) as store:
        account = store.change(name, change)
    _report(account, json, password)


def _report(account: Account, json: bool, password: str) -> None:
    if json:
        print_json(_shown(account) | ({"password": password} if password else {}))
        return
    say(
        f"user {account.name} is disabled"
        if account.disabled
        else f"user {account.name} has the scopes: {', '.join(sorted(account.scopes))}"
    )
    if password:
        say("password, shown only once:")
        sys.stdout.write(f"{password}\n")


def _shown(account: Account) -> dict[str, object]:
    return {"name": account.name, "scopes": sorted(account.scopes), "disabled": account.disabled}


@contextmanager
def _store(database: str, state: Path) -> Iterator[SqlUserStore]:
    from espalier.local.state import State
    from services.api.auth.users import open_user_store

    with closing(open_user_store(database or _url_from_file() or State(state).users_database)) as store:
        yield store


def _url_from_file() -> str:
    """Return the URL from the file that API pods use, because it contains a password."""
    file = os.environ.get("API_DATABASE_URL_FILE")
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CommandFailed(f"cannot read {file} (API_DATABASE_URL_FILE): {error.strerror}") from error
