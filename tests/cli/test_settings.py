"""``habitus settings`` lists what ``habitus pretrain --set`` takes."""

import pytest

from habitus.cli.main import main
from habitus.cli.settings import lines_of
from habitus.config import override
from habitus.runs import RUNS
from habitus.runs.settings import Setting


def run(*words: str) -> int:
    """Return the exit code of one command line."""
    with pytest.raises(SystemExit) as exit_:
        main(words)
    return int(exit_.value.code or 0)


@pytest.mark.parametrize("name", RUNS)
def test_what_is_listed_fits_a_terminal_and_can_be_given_to_pretrain(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("settings", "--run", name, "--preset", "paper") == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith(f"habitus pretrain --run {name} --preset paper --set KEY=VALUE")
    assert max(map(len, [head, *lines])) <= 80
    given = [line for line in lines if line[:1].strip() and "=" in line.partition(":")[0]]
    assert "training.max_steps=" in " ".join(given)
    config = RUNS[name]("paper")
    assert override(config, given) == config


def test_some_keys_can_be_asked_for_and_settings_can_be_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        run("settings", "experts.num", "betas", "--run=supermoe", "--set=training.betas=[0,.5]")
        == 0
    )
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line for line in lines if not line.startswith(" ")] == [
        "training.betas=[0.0, 0.5]",
        "encoder.experts.num_experts=8",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["zzz"], "no setting of channel has 'zzz' in its key; parts are split, training"),
        (["--run", "pasm"], "did you mean 'pasum'?"),
        (["--preset", "cii"], "did you mean 'ci'?"),
        (["--set", "training.max_steps=x"], "training.max_steps must be a whole number, got 'x'"),
    ],
)
def test_what_is_not_there_is_a_usage_error(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("settings", *words) == 2
    assert told in capsys.readouterr().err


def test_lines_are_wrapped_and_none_is_told_as_yaml_writes_it() -> None:
    long = "None for all of " + "word " * 20 + "it."
    told = lines_of([Setting("a", None, "", "Part."), Setting("a.b", "1", "a number", long)])
    assert told[:3] == ["", "a: Part.", "a.b=1"]
    assert told[3].startswith("    a number. null for all of word")
    assert all(line.startswith("    ") and len(line) <= 80 for line in told[3:])
    assert " ".join(" ".join(told[3:]).split()).endswith("word it.")
