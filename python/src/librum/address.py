"""Where a node is, and how a connection to it must be made."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from urllib.parse import urlsplit

CONNECT_S = 5.0


def check(url: str, plain_http: bool) -> str:
    """Return the base of a node's URL.

    Raises
    ------
    ValueError
        It is none, or would send a token over a network in the clear.
    """
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the node's URL {url!r}: want http://HOST:PORT or https://HOST:PORT")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("the node's URL: neither a user nor a query is allowed in it")
    if parts.scheme == "http" and not plain_http and not on_this_machine(parts.hostname):
        raise ValueError(f"the node's URL {url!r}: plain HTTP is for this machine alone; use https://")
    return url.rstrip("/")


def on_this_machine(host: str) -> bool:
    """Return whether what is sent to the host stays on this machine (RFC 6761, section 6.3 for the name)."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls(ca: str | Path | None) -> ssl.SSLContext:
    """Return the context of TLS 1.3 connections to a node that a file of CAs, or else the system's, vouches for."""
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
