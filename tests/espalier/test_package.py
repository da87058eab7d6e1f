"""What ``import espalier`` gives, and that the command does not pay for it."""

import subprocess
import sys

import pytest

import espalier
from espalier import client


def test_client_is_a_member_of_the_package():
    assert espalier.Client is client.Client
    assert set(espalier.__all__) <= set(dir(espalier))
    assert all(getattr(espalier, name) is getattr(client, name) for name in espalier.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Klient'"):
        _ = espalier.Klient


def test_public_names_are_sorted_and_exist():
    assert sorted(client.__all__) == client.__all__
    assert all(hasattr(client, name) for name in client.__all__)


def test_command_starts_without_the_client():
    code = (
        "import espalier.cli.main, sys; print({'espalier.client', 'tenacity', 'pyarrow', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
