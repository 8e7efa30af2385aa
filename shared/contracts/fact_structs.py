"""The facts of `facts.py` as msgspec structs, made from the same models: decoding into them takes a tenth of the time.

A struct accepts what is usual and never more than its model does. What it does not accept, Pydantic looks at, and finds
everything that is wrong with it (ADR 0041).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache, lru_cache
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from shared.contracts import facts
from shared.contracts.facts import canonical, check_identity

_COMMON_ATTRIBUTES: Final = ("datacontenttype", "dataschema", "subject", "traceparent", "tracestate")
"""What senders' libraries add to a CloudEvent. An event with another extension is no usual one."""
_CHECKED: Final = 4096
"""Months and the like, of which few are in use: each is checked once."""


class Said:
    """What a fact says, in the form in which it is compared: lists as sorted sets, passports in capitals.

    None where it does not say it. An enrolment without groups says none. The fields are encoded in order of their
    names, those that are None are left out.
    """

    __slots__ = ()
    identity: SaidIdentity
    other: SaidIdentity | None = None
    region: str | None = None
    segment: str | None = None
    groups: tuple[str, ...] | None = None
    payer: str | None = None
    programmes: tuple[str, ...] | None = None
    paid_through: str | None = None


class SaidIdentity:
    """An identity in a fact."""

    __slots__ = ()
    scheme: str
    value: str


class Event:
    """A CloudEvent that is a fact; `time` as it was written."""

    __slots__ = ()
    type: str
    source: str
    id: str
    time: str
    data: Said


def decoded(raw: bytes) -> Event | None:
    """Return the usual fact in these bytes, None where there is none."""
    try:
        event: Event = _decode(raw)
    except (ValueError, RecursionError):
        return None
    return event


def converted(document: dict[str, Any]) -> Event | None:
    """Return the usual fact in a decoded CloudEvent, None where there is none.

    It is written as JSON and decoded, since `msgspec.convert` takes twice as long.
    """
    if any(isinstance(value, bytes) for value in document.values()):
        # A header that is no UTF-8: JSON would hold it in base64.
        return None
    try:
        raw = _encode(document)
    except (ValueError, OverflowError, RecursionError):
        return None
    return decoded(raw)


def said(type_: str, data: dict[str, Any]) -> Said:
    """Return what the data of a fact of this type says. Pydantic has accepted the data."""
    model: Any = facts.TYPES[type_].model_fields["data"].annotation
    made: Said = msgspec.convert(data, _struct(model))
    return made


def _post_init(model: type[BaseModel]) -> Callable[[Any], None]:
    """Return what each new struct goes through: the checks that types do not make, then the form for comparison."""
    checks = [(name, lru_cache(_CHECKED)(check)) for name, info in model.model_fields.items() for check in _own(info)]
    lists = [name for name, info in model.model_fields.items() if get_origin(_type(info.annotation)) is tuple]
    empty = [name for name in lists if model.model_fields[name].json_schema_extra == {"default": []}]

    def post_init(self: Any) -> None:
        for name, check in checks:
            if (value := getattr(self, name)) is not None:
                check(value)
        for name in lists:
            words = getattr(self, name)
            if words and len(words) > 1:
                setattr(self, name, tuple(sorted(set(words))))
        for name in empty:
            if not getattr(self, name):
                setattr(self, name, None)

    return post_init


def _identity_post_init(self: Any) -> None:
    check_identity(self.scheme, self.value)
    self.value = canonical(self.scheme, self.value)


def _own(info: FieldInfo) -> list[Any]:
    """Return the checks of one value. Structs refuse null themselves, and the time depends on the clock."""
    validators = [item.func for item in _metadata(info.annotation, info.metadata) if isinstance(item, BeforeValidator)]
    return [check for check in validators if check not in (facts.refuse_null, facts.parse_instant)]


def _metadata(annotation: Any, metadata: Any) -> Iterator[Any]:
    yield from metadata
    for part in get_args(annotation):
        yield from _metadata(part, getattr(part, "__metadata__", ()))


@cache
def _struct(model: Any) -> Any:
    """Return the struct of what a fact says, or of an identity."""
    is_identity = model is facts.Identity
    return msgspec.defstruct(
        model.__name__,
        [_field(name, info) for name, info in sorted(model.model_fields.items())],
        bases=(SaidIdentity if is_identity else Said,),
        namespace={"__post_init__": _identity_post_init if is_identity else _post_init(model)},
        kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False,
    )  # fmt: skip


def _field(name: str, info: FieldInfo) -> tuple[str, Any] | tuple[str, Any, None]:
    limits = {
        limit: getattr(item, limit)
        for item in info.metadata
        for limit in ("min_length", "max_length", "pattern")
        if getattr(item, limit, None) is not None
    }
    if "pattern" in limits:
        # In Python a dollar is also before the last newline.
        limits["pattern"] = limits["pattern"].removesuffix("$") + r"\Z"
    type_ = _type(info.annotation)
    type_ = Annotated[type_, msgspec.Meta(**limits)] if limits else type_
    return (name, type_) if info.is_required() else (name, type_, None)


def _type(annotation: Any) -> Any:
    """Return the type as a struct has it: without null, with tuples for lists, and an instant as it was written."""
    if annotation is datetime:
        return str
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _struct(annotation)
    if get_origin(annotation) is list:
        return tuple[get_args(annotation)[0], ...]  # type: ignore[misc]
    choices = [choice for choice in get_args(annotation) if choice is not type(None)]
    return _type(choices[0]) if type(None) in get_args(annotation) else annotation


def _event(type_: str, model: type[BaseModel]) -> Any:
    sent = [_field(name, info) for name, info in model.model_fields.items() if name != "type"]
    extensions = [(name, str, None) for name in _COMMON_ATTRIBUTES]
    return msgspec.defstruct(
        model.__name__, [*sent, *extensions], bases=(Event,), namespace={"type": type_},
        tag_field="type", tag=type_, kw_only=True, forbid_unknown_fields=True, gc=False,
    )  # fmt: skip


_EVENT: Final[Any] = Union[  # noqa: UP007 - made of a table
    tuple(_event(type_, model) for type_, model in facts.TYPES.items() if type_ != "cakupan.corrected.v1")
]
"""Corrections are rare, and what replaces a fact is judged apart."""
_decode: Final = msgspec.json.Decoder(_EVENT).decode
_encode: Final = msgspec.json.Encoder().encode
