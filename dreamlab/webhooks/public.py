"""Connections to public addresses only, so that no client reaches what only this host can reach."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any, Iterable, List, Optional, Union

if TYPE_CHECKING:
    import httpcore

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# IPv4 addresses behind a translator (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(OSError):
    """A name has no public address."""


def is_public(address: Address) -> bool:
    """Return whether an address, and the IPv4 address that it stands for, is public."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast


def _inner(address: Address) -> Optional[ipaddress.IPv4Address]:
    """Return the IPv4 address to which packets for an IPv6 address go on."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def addresses(host: str, port: int, allow_private: bool) -> List[str]:
    """Return the addresses of a name to which a connection may go. Raises NotPublic."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    all_of_it = [str(entry[4][0]).partition("%")[0] for entry in found]
    usable = [each for each in all_of_it if allow_private or is_public(ipaddress.ip_address(each))]
    if not usable:
        raise NotPublic(f"{host} has no public address")
    return usable


def backend(allow_private: bool) -> httpcore.NetworkBackend:
    """Return what connects an httpcore.ConnectionPool to public addresses only.

    The very address that was checked is connected to: a second look-up could give another one.
    """
    import httpcore

    class PublicOnly(httpcore.SyncBackend):
        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: Optional[float] = None,
            local_address: Optional[str] = None,
            socket_options: Optional[Iterable[Any]] = None,
        ) -> httpcore.NetworkStream:
            error: Optional[Exception] = None
            for address in addresses(host, port, allow_private):
                try:
                    return super().connect_tcp(
                        address, port, timeout, local_address, socket_options
                    )
                except httpcore.ConnectError as failure:
                    error = failure
            assert error is not None
            raise error

    return PublicOnly()
