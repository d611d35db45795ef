"""Tables → dataclasses: the fields are exactly what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pytest

from harness.errors import BadInput
from harness.fields.errors import FieldError
from harness.fields.names import split_names
from harness.fields.reading import build
from harness.fields.sizes import parse_bytes


@dataclass(frozen=True)
class Inner:
    size: int
    word: Literal["once", "every"] = "once"


@dataclass(frozen=True)
class Square:
    side: float
    kind: ClassVar[str] = "square"


@dataclass(frozen=True)
class Circle:
    radius: float
    kind: ClassVar[str] = "circle"


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 1
    share: float = 0.5
    on: bool = False
    maybe: int | None = None
    part: float | int | str = 0
    often: Literal["once", "every"] | int = "once"
    levels: tuple[float, ...] = ()
    pair: tuple[int, str] = (0, "")
    words: list[str] = field(default_factory=list)
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    shape: Square | Circle | None = None
    free: Mapping[str, Any] = field(default_factory=dict)
    hidden: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise BadInput(f"count must be at least 0, not {self.count}")


def problem(**table: Any) -> FieldError:
    with pytest.raises(FieldError) as caught:
        build(Outer, {"name": "a", **table})
    return caught.value


class TestFitting:
    def test_what_is_left_out_has_its_default(self) -> None:
        assert build(Outer, {"name": "a"}) == Outer("a")

    @pytest.mark.parametrize(
        ("key", "value", "held"),
        [
            ("count", 3, 3),
            ("share", 2, 2.0),
            ("on", True, True),
            ("maybe", 7, 7),
            ("maybe", None, None),
            ("part", 0.5, 0.5),
            ("part", 3, 3),
            ("part", "2001-01-01", "2001-01-01"),
            ("often", "every", "every"),
            ("often", 4, 4),
            ("levels", [0.1, 1], (0.1, 1.0)),
            ("pair", [1, "b"], (1, "b")),
            ("words", ["b", "c"], ["b", "c"]),
            ("inner", {"size": 2}, Inner(2)),
            ("inners", [{"size": 2}, {"size": 3, "word": "every"}], (Inner(2), Inner(3, "every"))),
            ("shape", {"kind": "circle", "radius": 1}, Circle(1.0)),
            ("shape", {"kind": "square", "side": 2.5}, Square(2.5)),
            ("free", {"anything": [1, {"goes": None}]}, {"anything": [1, {"goes": None}]}),
        ],
    )
    def test_a_value_becomes_what_its_field_holds(self, key: str, value: Any, held: Any) -> None:
        made = getattr(build(Outer, {"name": "a", key: value}), key)

        assert made == held
        assert type(made) is type(held)


class TestNotFitting:
    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("name", 3, "name must be a text, not 3"),
            ("count", 3.0, "count must be a whole number, not 3.0"),
            ("count", True, "count must be a whole number, not True"),
            ("count", "3", "count must be a whole number, not '3'"),
            ("share", "half", "share must be a number, not 'half'"),
            ("share", False, "share must be a number, not False"),
            ("count", None, "count must be a whole number, not None"),
            ("on", 1, "on must be true or false, not 1"),
            ("maybe", "x", "maybe must be a whole number, not 'x'"),
            ("part", [], "part must be a number or a whole number or a text, not []"),
            ("part", True, "part must be a number or a whole number or a text, not True"),
            ("often", "twice", "often must be 'once' or 'every' or a whole number, not 'twice'"),
            ("levels", 0.5, "levels must be a list, not 0.5"),
            ("levels", "0.5", "levels must be a list, not '0.5'"),
            ("pair", [1], "pair must be a list of 2 values, not of 1"),
            ("inner", 3, "inner must be a table, not 3"),
            ("shape", {"side": 1}, "shape needs a kind; allowed: 'square', 'circle'"),
            ("shape", {"kind": "oval"}, "unknown kind 'oval'; allowed: 'square', 'circle'"),
            ("count", -1, "count must be at least 0, not -1"),
        ],
    )
    def test_the_problem_says_what_is_wanted_and_what_came(self, key: str, value: Any, said: str) -> None:
        assert str(problem(**{key: value})) == said

    @pytest.mark.parametrize("value", [["a", 0.5], [0.1, None]])
    def test_a_value_of_a_list_is_named_by_its_list(self, value: list[Any]) -> None:
        said = str(problem(levels=value))

        assert said.startswith("levels[")
        assert "must be a number" in said

    def test_a_missing_key_is_named(self) -> None:
        with pytest.raises(FieldError, match="key 'name' is missing"):
            build(Outer, {})

    def test_an_unknown_key_is_told_its_neighbour_and_what_is_allowed(self) -> None:
        said = str(problem(cuont=3))

        assert said.startswith("unknown key 'cuont'; did you mean 'count'? allowed: name, count, share, ")

    def test_an_unknown_key_without_a_neighbour_is_told_what_is_allowed(self) -> None:
        assert str(problem(inner={"size": 1, "xyz": 2})) == "unknown key 'xyz'; allowed: size, word"

    def test_a_field_that_is_not_for_init_is_unknown(self) -> None:
        assert "unknown key 'hidden'" in str(problem(hidden=3))

    @pytest.mark.parametrize(
        ("table", "path"),
        [
            ({"count": "x"}, ("count",)),
            ({"cuont": 3}, ("cuont",)),
            ({"levels": [0.1, "x"]}, ("levels", "1")),
            ({"inners": [{"size": 1}, {"size": 2, "word": "x"}]}, ("inners", "1", "word")),
            ({"inners": [{"size": 1}, {}]}, ("inners", "1")),
            ({"shape": {"kind": "circle", "radius": "x"}}, ("shape", "radius")),
            ({"shape": {"kind": "oval"}}, ("shape", "kind")),
            ({"shape": {"kind": ["oval"]}}, ("shape", "kind")),
            ({"count": -1}, ()),
        ],
    )
    def test_the_path_leads_to_the_key(self, table: dict[str, Any], path: tuple[str, ...]) -> None:
        assert problem(**table).path == path


def test_types_that_cannot_be_resolved_allow_anything() -> None:
    @dataclass
    class Odd:
        value: Nowhere  # type: ignore[name-defined] # noqa: F821

    assert build(Odd, {"value": 3}).value == 3


def test_fields_by_keyword_only_are_read_in_any_order() -> None:
    @dataclass(kw_only=True)
    class Named:
        first: int
        second: int = 2

    assert build(Named, {"first": 1, "second": 3}) == Named(first=1, second=3)
    assert build(Named, {"second": 3, "first": 1}) == Named(first=1, second=3)


class TestSizes:
    @pytest.mark.parametrize(
        ("text", "size"), [("4GB", 4 * 10**9), (" 500 MB ", 5 * 10**8), ("1.5kB", 1500), ("2GiB", 2**31), ("1B", 1)]
    )
    def test_a_size_has_a_unit(self, text: str, size: int) -> None:
        assert parse_bytes(text) == size

    @pytest.mark.parametrize("text", ["", "4", "4gb", "-4GB", "nanGB", "0B", "0.1B", "4GB4", "1e9B", "٤GB", "4 G B"])
    def test_others_are_refused(self, text: str) -> None:
        with pytest.raises(BadInput, match="size"):
            parse_bytes(text)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ((), ()),
        (("theta",), ("theta",)),
        (("theta, ets,", "theta"), ("theta", "ets")),
        (("lstm, 16 units", "ets"), ("lstm, 16 units", "ets")),
        (("lstm, 16 units,ets",), ("lstm", "16 units", "ets")),
    ],
)
def test_names_are_split_at_commas_that_no_known_name_has(given: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert split_names(given, {"theta", "ets", "lstm, 16 units"}) == names
