"""What an encoder knows is fitted on the training snapshot, and reads any traces by value."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.data.columns import ChannelKind
from habitus.data.hashed_ids import buckets_of
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.data.vocabulary import (
    MASK,
    MISSING,
    NUM_SPECIAL,
    UNKNOWN,
    ChannelVocabulary,
    ChannelVocabularyConfig,
    DenseChannel,
)
from habitus.errors import DataError, GuardError, UsageError
from habitus.testing.hand_made import Event, write_traces
from tests.small import CUTOFF, after, small_events, small_traces

Histories = Mapping[str, Sequence[Event]]


def fit(traces: Traces, as_of: int | None = None, **settings_: Any) -> ChannelVocabulary:
    config = ChannelVocabularyConfig.from_dict(settings_)
    return ChannelVocabulary.fit(Snapshot(traces, as_of), config)


def dense(values: Sequence[float], path: Path, **settings_: Any) -> DenseChannel:
    """Return the only channel of traces in which one user has one event a value."""
    history = [
        {"time": t} if math.isnan(x) else {"time": t, "x": x} for t, x in enumerate(values, 1)
    ]
    traces = write_traces(path, {"u": history}, {"x": "dense"})
    return fit(traces, channels=["x"], **settings_).dense_channels[0]


def values_of(vocabulary: ChannelVocabulary, channel: int = 0) -> list[str]:
    values: list[str] = vocabulary.token_channels[channel].values.to_pylist()
    return values


def plain_values(events: Histories, cutoff: int, min_users: int, max_values: int) -> list[str]:
    """The slow twin: sets of users, counts of events, a sort."""
    users, count = defaultdict(set), Counter[str]()
    for user, history in events.items():
        for event in history:
            if event["time"] < cutoff and "item" in event:
                users[event["item"]].add(user)
                count[event["item"]] += 1
    known = [value for value in count if len(users[value]) >= max(1, min_users)]
    return sorted(known, key=lambda value: (-count[value], value))[:max_values]


histories = st.dictionaries(
    st.sampled_from("uvwxyz"),
    st.lists(
        st.fixed_dictionaries(
            {"time": st.integers(1, 9)}, optional={"item": st.sampled_from("abcde")}
        ),
        max_size=8,
    ),
    min_size=1,
)


@settings(max_examples=25)
@given(histories, st.integers(1, 10), st.integers(0, 3), st.integers(1, 4))
def test_values_are_kept_by_users_and_stand_by_frequency_as_in_plain_python(
    events: Histories, cutoff: int, min_users: int, max_values: int
) -> None:
    first = min((e["time"] for history in events.values() for e in history), default=cutoff)
    cutoff = max(cutoff, first + 1)
    with TemporaryDirectory() as folder:
        traces = write_traces(Path(folder) / "t", events, {"item": "id"})
        if not any(e["time"] < cutoff for history in events.values() for e in history):
            with pytest.raises(GuardError, match="no event to fit"):
                fit(traces, cutoff)
            return
        vocabulary = fit(
            traces, cutoff, channels=["item"], min_users=min_users, max_values=max_values
        )
    assert values_of(vocabulary) == plain_values(events, cutoff, min_users, max_values)


def test_a_value_of_four_users_is_left_out_however_often_it_occurs(tmp_path: Path) -> None:
    # "often" has 40 events of 4 users, "shared" has 5 events of 5 users; five users are needed.
    events = {f"u{u}": [{"time": 1, "item": "shared"}] for u in range(5)}
    for u in range(4):
        events[f"u{u}"] += [{"time": t, "item": "often"} for t in range(2, 12)]
    traces = write_traces(tmp_path / "t", events, {"item": "id"})
    assert values_of(fit(traces)) == ["shared"]
    assert values_of(fit(traces, min_users=4)) == ["often", "shared"]


def test_missing_unknown_and_known_values_have_tokens_of_their_own(tmp_path: Path) -> None:
    events: Histories = {
        "u": [{"time": 1, "item": "a"}, {"time": 2}],
        "v": [{"time": 1, "item": "a"}, {"time": 2, "item": "b"}],
    }
    traces = write_traces(tmp_path / "t", events, {"item": "id"})
    channel = fit(traces, min_users=2).token_channels[0]
    # Codes: 0 missing, 1 = "a" (two users), 2 = "b" (one user).
    assert channel.table(traces).tolist() == [MISSING, NUM_SPECIAL, UNKNOWN]
    assert channel.table(traces).dtype == np.int32
    assert channel.num_tokens == NUM_SPECIAL + 1
    assert len({MISSING, UNKNOWN, MASK, NUM_SPECIAL}) == 4


def test_it_reads_other_traces_by_value_whatever_their_codes(tmp_path: Path) -> None:
    here = [{"time": 1, "item": "b"}, {"time": 2, "item": "b"}, {"time": 3, "item": "d"}]
    there = [{"time": t, "item": item} for t, item in enumerate("abcd", 1)]
    channels: Mapping[str, ChannelKind] = {"item": "id"}
    fitted = fit(write_traces(tmp_path / "here", {"u": here}, channels), min_users=1)
    traces = write_traces(tmp_path / "there", {"u": there}, channels)
    # "b" is the most frequent here, so it is token 3, and "d" is 4; code 1 there is "a".
    assert fitted.token_channels[0].table(traces).tolist() == [0, UNKNOWN, 3, UNKNOWN, 4]


def test_dense_values_are_standardised_after_a_symmetric_logarithm(tmp_path: Path) -> None:
    # sign(x) log(1 + |x|) of e - 1 and 1 - e is 1 and -1: mean 0, standard deviation 1.
    channel = dense([math.e - 1, 1 - math.e, math.nan], tmp_path / "t")
    assert channel.mean == pytest.approx(0, abs=1e-7)
    assert channel.std == pytest.approx(1)
    seen = np.array([math.e**2 - 1, 1 - math.e**3, 0, math.nan], np.float32)
    np.testing.assert_allclose(channel.standardise(seen), [2, -3, 0, 0], atol=1e-6)
    # log(1 + e - 1) = 1 and log(1 + e³ - 1) = 3: mean 2, deviation 1, so a missing value is 2.
    channel = dense([math.e - 1, math.e**3 - 1], tmp_path / "s")
    assert channel.standardise(seen)[[2, 3]].tolist() == pytest.approx([-2, 0])


def test_bins_are_quantiles_and_an_edge_belongs_to_the_bin_above(tmp_path: Path) -> None:
    # Quartiles of 0 … 7: places 7/4, 7/2 and 21/4.
    channel = dense([*map(float, range(8)), math.nan], tmp_path / "t", num_bins=4)
    assert channel.edges_Q.tolist() == [1.75, 3.5, 5.25]
    assert channel.num_bins == 4
    seen = np.array([-9, *range(8), 3.5, 99, math.nan], np.float32)
    assert channel.bins(seen).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 2, 3, -1]


@pytest.mark.parametrize("value", [7.0, 0.0, 0.1, 12345.678])
def test_a_constant_channel_is_zero_and_another_value_of_it_stays_small(
    value: float, tmp_path: Path
) -> None:
    channel = dense([value] * 100, tmp_path / "t")
    assert channel.std == 1.0
    assert channel.edges_Q.tolist() == pytest.approx([value])
    # The next number of 32 bits is the same number, rounded otherwise on its way here.
    following = float(np.nextafter(np.float32(value), np.float32(np.inf)))
    assert dense([value, following] * 50, tmp_path / "s").std == 1.0
    seen = np.array([value, value + 1, value - 1, math.nan], np.float32)
    assert channel.standardise(seen)[[0, 3]].tolist() == pytest.approx([0, 0], abs=1e-5)
    assert np.abs(channel.standardise(seen)).max() <= 1
    assert channel.bins(seen).tolist() == [1, 1, 0, -1]


def test_a_channel_that_is_always_missing_is_allowed(tmp_path: Path) -> None:
    channel = dense([math.nan, math.nan], tmp_path / "t")
    assert (channel.mean, channel.std, channel.num_bins) == (0.0, 1.0, 1)
    seen = np.array([math.nan, 3], np.float32)
    assert channel.bins(seen).tolist() == [-1, 0]
    assert np.isfinite(channel.standardise(seen)).all()
    traces = write_traces(tmp_path / "s", {"u": [{"time": 1}]}, {"item": "id"})
    fitted = fit(traces, channels=["item"])
    assert fitted.token_channels[0].table(traces).tolist() == [MISSING]


def test_channels_are_those_asked_for_tokens_before_dense_and_never_text(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "t")
    assert fit(traces).names == ("service", "item_id", "price")
    assert fit(traces, channels=["price", "item_id"]).names == ("item_id", "price")
    assert fit(traces, exclude=["item_id"]).names == ("service", "price")
    kinds = [channel.kind for channel in fit(traces).token_channels]
    assert kinds == ["category", "id"]


def test_a_channel_that_says_the_same_of_every_event_is_left_out_unless_named(
    tmp_path: Path,
) -> None:
    channels: Mapping[str, ChannelKind] = {
        "same": "category", "never": "id", "once": "id", "level": "dense", "nan": "dense",
        "some": "dense", "later": "category",
    }  # fmt: skip
    event = {"same": "a", "level": 2.0}
    history = [
        {"time": 1, **event, "later": "a"},
        {"time": 2, **event, "later": "a", "once": "x", "some": 3.0},
        {"time": 3, **event, "later": "b", "once": "x", "some": 3.0},
    ]
    traces = write_traces(tmp_path / "t", {"u": history}, channels)
    # To be there or not is something to say. What is known of "later" is what came before 3.
    assert fit(traces, 3).names == ("once", "some")
    assert fit(traces).names == ("once", "later", "some")
    assert fit(traces, 3, channels=["same", "nan"]).names == ("same", "nan")


@pytest.mark.parametrize(
    ("settings_", "sentence"),
    [
        ({"channels": ["itme_id"]}, "did you mean 'item_id'"),
        ({"exclude": ["servcie"]}, "did you mean 'service'"),
        ({"channels": ["text"]}, "no category, ID or dense channel 'text'"),
    ],
)
def test_a_channel_that_is_not_there_is_told(
    settings_: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=sentence):
        fit(small_traces(tmp_path / "t"), **settings_)


@pytest.mark.parametrize(
    "settings_", [{"max_values": 0}, {"num_bins": 0}, {"channels": ["price", "price"]}]
)
def test_settings_that_mean_nothing_are_refused(settings_: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ChannelVocabularyConfig.from_dict(settings_)


def test_it_survives_a_round_trip_bit_by_bit(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "t")
    fitted = fit(traces, min_users=1, num_bins=8)
    fitted.save(tmp_path / "deep" / "fitted")
    again = ChannelVocabulary.load(tmp_path / "deep" / "fitted")
    assert again.names == fitted.names
    for one, other in zip(fitted.token_channels, again.token_channels, strict=True):
        assert one == other
        np.testing.assert_array_equal(one.table(traces), other.table(traces))
    price = fitted.dense_channels[0], again.dense_channels[0]
    assert (price[0].mean, price[0].std) == (price[1].mean, price[1].std)
    assert price[0].edges_Q.tobytes() == price[1].edges_Q.tobytes()
    assert price[1].edges_Q.dtype == np.float32


def test_a_channel_without_a_value_that_is_kept_survives_too(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "t")
    fit(traces, min_users=1_000).save(tmp_path / "fitted")
    again = ChannelVocabulary.load(tmp_path / "fitted")
    assert [channel.num_tokens for channel in again.token_channels] == [NUM_SPECIAL] * 2
    assert set(again.token_channels[0].table(traces)[1:].tolist()) == {UNKNOWN}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("channels.json", '{"tokens": [{"na'),
        ("channels.json", "[]"),
        ("channels.json", '{"tokens": []}'),
        ("channels.json", '{"tokens": [{"name": "x"}], "dense": []}'),
        ("values.parquet", "PAR1"),
        ("channels.json", None),
        ("values.parquet", None),
    ],
)
def test_a_damaged_vocabulary_is_told(name: str, content: str | None, tmp_path: Path) -> None:
    fit(small_traces(tmp_path / "t")).save(tmp_path / "fitted")
    file = tmp_path / "fitted" / name
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    with pytest.raises(DataError, match="cannot be read"):
        ChannelVocabulary.load(tmp_path / "fitted")


def test_traces_without_a_channel_of_the_model_are_refused(tmp_path: Path) -> None:
    fitted = fit(small_traces(tmp_path / "t"))
    event = {"time": 1, "item": "a", "service": "s", "price": 1.0}
    other = write_traces(
        tmp_path / "o", {"u": [event]}, {"item": "id", "service": "category", "price": "dense"}
    )
    with pytest.raises(DataError, match=r"'item_id'.* has none; did you mean 'item'"):
        fitted.check(other)


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        ({"a": "dense", "b": "dense"}, "'a' as a category or an ID and in .* it is dense"),
        ({"a": "id", "b": "category"}, "'b' as dense and in .* it is category"),
        ({"a": "text", "b": "dense"}, "'a' .* it is text"),
    ],
)
def test_a_channel_of_another_kind_is_refused(
    kinds: dict[str, ChannelKind], sentence: str, tmp_path: Path
) -> None:
    fitted = fit(
        write_traces(tmp_path / "t", {"u": [{"time": 1}]}, {"a": "category", "b": "dense"}),
        channels=["a", "b"],
    )
    other = write_traces(tmp_path / "o", {"u": [{"time": 1}]}, kinds)
    with pytest.raises(DataError, match=sentence):
        fitted.check(other)
    # An ID where a category was is read by value all the same.
    fitted.check(write_traces(tmp_path / "p", {"u": [{"time": 1}]}, {"a": "id", "b": "dense"}))


def test_nothing_after_the_cutoff_and_nobody_else_changes_it(tmp_path: Path) -> None:
    events = small_events()
    train = [user for place, user in enumerate(events) if place % 3]
    changed = after(events, CUTOFF, item_id="item-new", service="shop-0", price=1e6)
    for user in set(events) - set(train):
        changed[user] = [{"time": e["time"], "item_id": "theirs"} for e in events[user]]
    saved = []
    for name, world in (("one", events), ("two", changed)):
        traces = small_traces(tmp_path / name, world)
        snapshot = Snapshot(traces, CUTOFF, traces.rows_of(train))
        fitted = ChannelVocabulary.fit(snapshot, ChannelVocabularyConfig(min_users=2))
        fitted.save(tmp_path / name / "fitted")
        values = {c.name: c.values.to_pylist() for c in fitted.token_channels}
        saved.append((json.loads((tmp_path / name / "fitted/channels.json").read_text()), values))
    assert saved[0] == saved[1]
    assert len(saved[0][1]["item_id"]) > 3
    assert len(saved[0][0]["dense"][0]["edges"]) > 3


@settings(max_examples=25)
@given(histories, st.integers(1, 3), st.integers(1, 6))
def test_a_hashed_channel_is_the_channel_of_its_buckets(
    events: Histories, min_users: int, num_buckets: int
) -> None:
    buckets = {value: int(buckets_of(pa.array([value]), num_buckets)[0]) for value in "abcdefg"}
    renamed = {
        user: [{**e, "item": f"{buckets[e['item']]:03d}"} if "item" in e else e for e in history]
        for user, history in events.items()
    }
    if not any(events.values()):
        return
    with TemporaryDirectory() as folder:
        traces = write_traces(Path(folder) / "t", events, {"item": "id"})
        hashed = fit(
            traces, channels=["item"], min_users=min_users, hashed=["item"],
            num_buckets=num_buckets, max_values=1,
        )  # fmt: skip
        everything: Histories = {"u": [{"time": 1, "item": value} for value in "gabcdef"]}
        other = write_traces(Path(folder) / "o", everything, {"item": "id"})
        names = other.dictionary("item").to_pylist()
        token_V = hashed.token_channels[0].table(other).tolist()
    # Buckets are kept by users and stand by frequency, as values do.
    expected = [int(value) for value in plain_values(renamed, 10, min_users, 10**6)]
    assert [*map(int, values_of(hashed))] == expected
    place = {bucket: NUM_SPECIAL + i for i, bucket in enumerate(expected)}
    # A value that was never seen has the row of its bucket, or is unknown where that has none.
    assert token_V == [MISSING, *(place.get(buckets[name], UNKNOWN) for name in names)]
    assert hashed.token_channels[0].num_tokens == NUM_SPECIAL + len(expected)


def test_the_collisions_of_training_events_are_stated_and_survive(tmp_path: Path) -> None:
    # Three values in two buckets: two share one, unless all three do.
    history = [{"time": t, "item": item} for t, item in enumerate("aabc", 1)]
    traces = write_traces(
        tmp_path / "t", {"u": [*history, {"time": 9, "item": "late"}]}, {"item": "id"}
    )
    fitted = fit(traces, 9, min_users=1, hashed=["item"], num_buckets=2)
    hashing = fitted.token_channels[0].hashing
    assert hashing is not None
    bucket = dict(zip("abc", buckets_of(pa.array([*"abc"]), 2).tolist(), strict=True))
    alone = [v for v in "abc" if list(bucket.values()).count(bucket[v]) == 1]
    assert hashing.num_values == 3
    assert hashing.value_collision_rate == pytest.approx(1 - len(alone) / 3)
    assert hashing.event_collision_rate == pytest.approx(
        1 - sum("aabc".count(v) for v in alone) / 4
    )
    fitted.save(tmp_path / "fitted")
    described = json.loads((tmp_path / "fitted/channels.json").read_text())["tokens"][0]
    assert described["hashing"]["value_collision_rate"] == hashing.value_collision_rate
    again = ChannelVocabulary.load(tmp_path / "fitted")
    assert again.token_channels[0] == fitted.token_channels[0]
    np.testing.assert_array_equal(
        again.token_channels[0].table(traces), fitted.token_channels[0].table(traces)
    )


def test_only_a_channel_that_is_read_can_be_hashed(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "t")
    assert fit(traces).token_channels[1].hashing is None
    wrong: list[dict[str, Any]] = [
        {"hashed": ["price"]},
        {"hashed": ["item_id"], "exclude": ["item_id"]},
    ]
    for settings_ in wrong:
        with pytest.raises(DataError, match=r"no category or ID channel '\w+' to hash"):
            fit(traces, **settings_)
    with pytest.raises(UsageError, match="num_buckets must be at least 1, got 0"):
        ChannelVocabularyConfig(num_buckets=0)
