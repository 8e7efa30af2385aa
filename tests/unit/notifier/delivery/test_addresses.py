"""Hosts that are not public are not reached, by whatever name or form."""

from __future__ import annotations

import ipaddress

import pytest

from services.notifier.delivery.addresses import Gate, is_public, networks, resolve
from shared.runtime.errors import PermanentError, TransientError

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1",
    "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:102:304::", "2001:db8::1",
]  # fmt: skip


async def _private(_host: str, _port: int) -> list[str]:
    return ["93.184.216.34", "10.1.2.3"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_the_internets_is_not_public(address: str) -> None:
    """Loopback, private, link-local, multicast, documentation, and ways around to them inside IPv6."""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """In either version."""
    assert is_public(ipaddress.ip_address(address))


async def test_a_host_with_one_private_address_is_refused() -> None:
    """Though its other address is public; allowed networks are let through."""
    with pytest.raises(PermanentError, match=r"10\.1\.2\.3, which is not public"):
        await Gate((), _private).addresses("hook.example.id", 443)
    allowed = Gate(networks("192.168.0.0/16, 10.1.0.0/16"), _private)
    assert await allowed.addresses("hook.example.id", 443) == ["93.184.216.34", "10.1.2.3"]
    assert allowed.is_allowed("10.1.2.3")
    assert not allowed.is_allowed("93.184.216.34")


async def test_numbers_that_mean_loopback_are_seen_through() -> None:
    """The resolver reads 127.1 and 2130706433 as 127.0.0.1."""
    for host in ("127.1", "2130706433", "0x7f000001"):
        with pytest.raises(PermanentError, match=r"127\.0\.0\.1, which is not public"):
            await Gate(()).addresses(host, 443)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300])
async def test_a_host_that_is_not_found_may_be_later(host: str) -> None:
    """The name service may be away."""
    with pytest.raises(TransientError, match="is not found"):
        await resolve(host, 443)
