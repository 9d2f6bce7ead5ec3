import copy

import pytest

from habitus import errors
from habitus.errors import DataError, GuardError, HabitusError, MissingExtraError, UsageError


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [(HabitusError, 1), (UsageError, 2), (DataError, 3), (GuardError, 4)],
)
def test_the_exit_code_names_the_kind(kind: type[HabitusError], exit_code: int) -> None:
    assert kind("anything").exit_code == exit_code


def test_every_error_is_a_value_error_that_one_name_catches() -> None:
    kinds = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)]
    assert len(kinds) >= 5
    for kind in kinds:
        assert issubclass(kind, HabitusError)
        assert issubclass(kind, ValueError)


def test_a_missing_extra_says_what_to_install() -> None:
    error = MissingExtraError("plotly", extra="report", what="plots")
    assert str(error) == "plots need plotly: pip install 'habitus[report]'"
    assert error.exit_code == UsageError.exit_code


def test_a_missing_extra_comes_whole_out_of_a_worker() -> None:
    # Processes send an exception as what __reduce_ex__ returns; copy asks the same question.
    error = MissingExtraError("duckdb", extra="sql", what="SQL sources")
    again = copy.copy(error)
    assert type(again) is MissingExtraError
    assert str(again) == str(error)
