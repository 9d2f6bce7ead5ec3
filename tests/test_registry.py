import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import UsageError
from habitus.registry import Registry, UnknownNameError, did_you_mean


def shapes() -> Registry[type]:
    return Registry(
        "shape",
        {"ordered": "collections:OrderedDict", "counted": "collections:Counter"},
    )


def test_a_name_gives_the_object_it_points_at() -> None:
    from collections import Counter, OrderedDict

    assert shapes()["ordered"] is OrderedDict
    assert dict(shapes()) == {"counted": Counter, "ordered": OrderedDict}


def test_names_are_listed_in_alphabetical_order() -> None:
    assert list(shapes()) == ["counted", "ordered"]
    assert len(shapes()) == 2


def test_listing_and_asking_import_nothing() -> None:
    nowhere = Registry[object]("thing", {"a": "no.such.module:Thing"})
    assert list(nowhere) == ["a"]
    assert "a" in nowhere
    assert "b" not in nowhere


def test_the_module_is_imported_only_when_the_name_is_used() -> None:
    code = (
        "import sys\n"
        "from habitus.registry import Registry\n"
        "r = Registry('thing', {'colors': 'colorsys:rgb_to_hsv'})\n"
        "list(r), 'colors' in r, len(r)\n"
        "assert 'colorsys' not in sys.modules\n"
        "r['colors']\n"
        "assert 'colorsys' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_a_usage_error_that_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"^no shape is called 'orderd'; did you mean 'ordered'\?"):
        shapes()["orderd"]


def test_an_unknown_name_is_a_key_error_too_so_that_get_works() -> None:
    assert issubclass(UnknownNameError, KeyError)
    assert shapes().get("square") is None


def test_the_message_reads_as_a_sentence_although_key_errors_quote_theirs() -> None:
    assert str(KeyError("quoted")) == "'quoted'"
    assert str(UnknownNameError("not quoted")) == "not quoted"


def test_when_nothing_is_near_all_names_are_listed() -> None:
    with pytest.raises(UnknownNameError, match="known: counted, ordered"):
        shapes()["zzz"]


@pytest.mark.parametrize("name", [3, None, 1.5, True])
def test_a_name_that_is_no_string_is_unknown_not_a_crash(name: object) -> None:
    assert did_you_mean(name, ["width"]) == "known: width"
    with pytest.raises(UnknownNameError):
        shapes()[name]  # type: ignore[index]


@given(st.lists(st.from_regex(r"[a-z]{4,12}", fullmatch=True), min_size=1, unique=True))
def test_a_known_name_is_its_own_nearest(names: list[str]) -> None:
    for name in names:
        assert did_you_mean(name, names) == f"did you mean {name!r}?"


def test_known_names_may_come_from_an_iterator() -> None:
    assert did_you_mean("zzz", iter(["b", "a"])) == "known: b, a"
