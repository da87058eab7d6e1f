"""Which client a connection counts for."""

import asyncio

import pytest

from services.api.process.connections import PROBE_CONNECTIONS, ConnectionLimits, Connections


class Connection:
    def check_time(self, now):
        pass


def counted(addresses, **limits):
    async def run():
        made = Connections(ConnectionLimits(**limits))
        return [made.add(Connection(), address) for address in addresses]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("trusted", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.0/8, 127.0.0.1", "10.1.2.3"),
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
        ("fd00::/8", "fd00::1"),
        ("*", "192.0.2.1"),
        ("/run/proxy.sock", None),
    ],
)
def test_trusted_proxy_is_no_client(trusted, address):
    assert counted([address] * 3, connections_per_client=1, trusted_proxies=trusted) == [True] * 3


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["192.0.2.1", "192.0.2.2"], [True, True]),
        (["192.0.2.1", "192.0.2.1"], [True, False]),
        (["192.0.2.1", "::ffff:192.0.2.1"], [True, False]),
        (["2001:db8::1", "2001:db8::2"], [True, False]),
        (["2001:db8::1", "2001:db8:0:1::1"], [True, True]),
    ],
)
def test_client_is_an_address_or_a_network_of_64_bits(addresses, expected):
    assert counted(addresses, connections_per_client=1) == expected


def test_one_client_s_connections_beyond_its_own_limit_take_no_place_from_others():
    addresses = ["192.0.2.1"] * 10 + ["192.0.2.2", "192.0.2.3", "192.0.2.4"]

    within = counted(addresses, connections_per_client=2, connections=4)

    assert within == [True, True, *[False] * 8, True, True, False]


def test_closed_excess_connection_is_released():
    async def run():
        made = Connections(ConnectionLimits(connections_per_client=1))
        held, *beyond = [Connection() for _ in range(2 + PROBE_CONNECTIONS)]
        made.add(held, "192.0.2.1")
        for connection in beyond:
            made.add(connection, "192.0.2.1")
        assert made.is_overfull
        made.discard(beyond[0])
        assert not made.is_overfull
        made.discard(held)
        return made.add(Connection(), "192.0.2.1")

    assert asyncio.run(run())


def test_closed_connection_is_discarded_once():
    async def run():
        made = Connections(ConnectionLimits(connections_per_client=1))
        first = Connection()
        made.add(first, "192.0.2.1")
        made.discard(first)
        made.discard(first)
        return [made.add(Connection(), "192.0.2.1") for _ in range(2)]

    assert asyncio.run(run()) == [True, False]
