"""Keeps messages from hosts that are not public, so that an official's address cannot reach our own services."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from shared.runtime.errors import PermanentError, TransientError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Gives the addresses of a host name; the port is only for the resolver."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses inside IPv6 ones (RFC 6052): Python calls them public whatever they lead to."""


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a list with commas. Raises: ValueError where one is none."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses that the system's resolver gives for a host."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransientError(f"the host {host} is not found: {error}") from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Gate:
    """Says which addresses a host may be reached at."""

    def __init__(self, allowed: Sequence[Network], resolve: Resolve = resolve) -> None:
        """`allowed`: networks that may be reached although they are not public."""
        self._allowed = allowed
        self._resolve = resolve

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, to which the caller connects, so that no later answer can be another.

        Raises: PermanentError where one of them is neither public nor allowed; TransientError where none is found.
        """
        found = await self._resolve(host, port)
        for text in found:
            address = ipaddress.ip_address(text.partition("%")[0])
            if not is_public(address) and not self.is_allowed(text):
                raise PermanentError(
                    f"{host} is at {address}, which is not public; correct the official's entry, or allow the network "
                    "with private_networks"
                )
        return found

    def is_allowed(self, text: str) -> bool:
        """Say whether the address lies in a network that the settings allow."""
        address = ipaddress.ip_address(text.partition("%")[0])
        return any(address in network for network in self._allowed)


def is_public(address: Address) -> bool:
    """Say whether the address is one of the internet's, and no way around to an address of another kind."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.sixtofour is not None or address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast
