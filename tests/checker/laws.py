"""How two values of one property become one."""

import hashlib
from dataclasses import dataclass, field, replace

SET_VALUES_MAX = 16
CONFLICTS_MAX = 8

IMMUTABLE = set(
    "cmd_line domain file.path integrity ip name path pid port protocol_name type uid user.name "
    "working_directory".split()
)
MIN = {"created_time"}
MAX = {"terminated_time"}
LATEST = set("company_name data signature.state signature.subject version".split())
# Every other name is a set.


@dataclass(frozen=True)
class Property:
    values: tuple[str, ...]
    time_ms: int = 0
    conflicts: tuple[int, ...] = field(default=())
    overflow: bool = False


def has_time(name: str) -> bool:
    return name in IMMUTABLE or name in LATEST


def merge(name: str, a: Property, b: Property) -> Property:
    """The property of both; commutative, associative, idempotent."""
    if name in IMMUTABLE:
        first = min(a, b, key=lambda p: (p.time_ms, p.values[0]))
        return replace(first, conflicts=conflicts_of(a, b))
    if name in MIN:
        return min(a, b, key=lambda p: size(p.values[0], text_is_least=False))
    if name in MAX:
        return max(a, b, key=lambda p: size(p.values[0], text_is_least=True))
    if name in LATEST:
        return max(a, b, key=lambda p: (p.time_ms, p.values[0]))
    values = sorted({*a.values, *b.values})
    overflow = a.overflow or b.overflow or len(values) > SET_VALUES_MAX
    return Property(tuple(values[:SET_VALUES_MAX]), overflow=overflow)


def conflicts_of(a: Property, b: Property) -> tuple[int, ...]:
    """The smallest hashes of all values that were claimed, once there are two."""
    claims = {*claims_of(a), *claims_of(b)}
    return tuple(sorted(claims)[:CONFLICTS_MAX]) if len(claims) > 1 else ()


def claims_of(item: Property) -> tuple[int, ...]:
    return item.conflicts or (value_hash(item.values[0]),)


def value_hash(value: str) -> int:
    """The first eight bytes of the value's SHA-256, as a signed number."""
    return int.from_bytes(hashlib.sha256(value.encode()).digest()[:8], "big", signed=True)


def size(value: str, text_is_least: bool) -> tuple[bool, int, str]:
    """Orders numbers by size, and text that is no number at one end of them."""
    digits = value[1:] if value[:1] in ("+", "-") else value
    is_number = digits.isascii() and digits.isdigit() and -(1 << 63) <= int(value) < 1 << 63
    if text_is_least:
        return (is_number, int(value) if is_number else 0, value)
    return (not is_number, int(value) if is_number else 0, value)
