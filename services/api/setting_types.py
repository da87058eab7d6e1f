"""Types of settings: lists separated by commas, and networks of proxies."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

__all__ = ["Names", "Paths", "Proxies"]


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _split_text(value: object) -> object:
    return _split(value) if isinstance(value, str) else value


def _check_proxies(value: str) -> str:
    for part in _split(value):
        try:
            if ip_network(part).prefixlen:
                continue
        except ValueError:
            pass
        raise ValueError(
            f"{part!r} is not an address or network of trusted proxies, such as 10.20.30.40 or 10.20.30.0/28"
        )
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_text)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split_text)]
Proxies = Annotated[str, AfterValidator(_check_proxies)]
