"""The security log: who was let in, who was refused and why, and who may do what; a line an event, no personal data.

Whoever calls is a keyed hash of their address: it tells that two events are of one caller, and not who that is.
People are their sessions, whose ids the audit has, too.
"""

import hmac
from ipaddress import IPv6Address, ip_address, ip_network

import structlog

log = structlog.get_logger("security")
# Statuses of answers that mean that somebody was refused.
REFUSED = (401, 403, 409, 429)


def find_network(address: str) -> str:
    """The network that one caller has: an IPv6 address's /64, of which anybody has all addresses; else the address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)


def hash_caller(key: bytes, address: str | None) -> str:
    """A caller by a keyed hash of their network."""
    return hmac.new(key, b"caller " + find_network(address or "").encode(), "sha256").hexdigest()[:16]


def log_security(event: str, **details: object) -> None:
    """Writes an event down; ``details`` hold ids, codes and numbers, and nothing that people typed."""
    log.info(event, log="security", **details)
