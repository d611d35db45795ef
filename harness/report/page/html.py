"""HTML that cannot be broken out of: whatever is not HTML already is escaped."""

from __future__ import annotations

from html import escape

VOID = ("br", "meta", "hr")
Value = str | int | float | bool | None


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: str) -> Html:
    """A text as HTML that shows it as it is."""
    return value if isinstance(value, Html) else Html(escape(value.replace("\0", "\ufffd")))


def tag(name: str, /, *children: str, **attributes: Value) -> Html:
    """An element; `class_` and `data_value` are the attributes `class` and `data-value`.

    True is an attribute without a value, None and False are none.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    inside = "" if name in VOID else "".join(map(text, children)) + f"</{name}>"
    return Html(f"<{name}{written}>{inside}")


def joined(parts: list[Html] | tuple[Html, ...], between: str = "") -> Html:
    """Elements, one after the other."""
    return Html(text(between).join(parts))


def name(value: str) -> Html:
    """A name that somebody chose, kept apart from the direction of the text around it."""
    return tag("bdi", value)


def _attribute(key: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    said = key.rstrip("_").replace("_", "-")
    return f" {said}" if value is True else f' {said}="{text(str(value))}"'
