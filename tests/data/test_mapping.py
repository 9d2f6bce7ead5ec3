from pathlib import Path

import pytest

from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping
from habitus.errors import DataError, UsageError

CATEGORY = ChannelMapping(kind="category")
ITEM = ChannelMapping(kind="id", column="product")
MAPPING = TracesMapping(
    events=EventsMapping(
        user_id="household",
        time="when",
        time_format="%d.%m.%Y",
        constants={"service": "shop"},
        channels={"item_id": ITEM, "brand": CATEGORY, "price": ChannelMapping(kind="dense")},
        item_channels=("brand",),
    ),
    items=TableMapping(columns={"item_id": "product"}),
)


def test_yaml_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(MAPPING.to_yaml())
    assert TracesMapping.from_yaml(file) == MAPPING
    file.write_text(TracesMapping().to_yaml())
    assert TracesMapping.from_yaml(file) == TracesMapping()


def test_defaults_are_not_written() -> None:
    assert "time_unit" not in MAPPING.to_yaml()
    assert "labels" not in MAPPING.to_yaml()


def test_an_unknown_key_says_what_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text("events: {user: household}")
    with pytest.raises(UsageError, match="did you mean 'user_id'"):
        TracesMapping.from_yaml(file)
    file.write_text("events: {channels: {price: {kind: number}}}")
    with pytest.raises(UsageError, match="'category', 'id', 'dense', 'text'"):
        TracesMapping.from_yaml(file)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("evnets: {}", "the whole has no key 'evnets'; did you mean 'events'?"),
        ("3", "the whole must be a mapping with keys of events, items, follows, profiles, labels"),
        ("events: 3", "events must be a mapping with keys of user_id, time, "),
        ("events: {channels: {p: {knd: id}}}", "events.channels.p has no key 'knd'; did you mean"),
        ("events: {channels: {p: {}}}", "events.channels.p needs kind"),
        ("events: {item_channels: x}", "events.item_channels must be a list of texts, got 'x'"),
        ("events: {channels: {time: {kind: id}}}", "'time' is no channel: set events.time"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_file(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        TracesMapping.from_yaml(file)
    assert str(caught.value).startswith(f"{file}: {told}")
    assert str(caught.value).endswith("; 'habitus check' proposes a mapping")
    assert "Mapping" not in str(caught.value)


@pytest.mark.parametrize("content", ["events: [", None])
def test_a_file_that_is_missing_or_no_yaml(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "mapping.yaml").write_text(content)
    with pytest.raises(DataError, match="'habitus check' proposes one"):
        TracesMapping.from_yaml(tmp_path / "mapping.yaml")


@pytest.mark.parametrize("name", ["a/b", "a.b", "", "a b"])
def test_a_channel_must_be_able_to_name_a_file(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a channel"):
        EventsMapping(channels={name: CATEGORY})


@pytest.mark.parametrize("name", ["user_id", "time"])
def test_user_and_time_are_no_channels(name: str) -> None:
    with pytest.raises(UsageError, match=f"set events.{name} to its column"):
        EventsMapping(channels={name: CATEGORY})


def test_a_channel_is_a_column_or_a_constant() -> None:
    with pytest.raises(UsageError, match="service: give a column or a constant"):
        EventsMapping(constants={"service": "shop"}, channels={"service": CATEGORY})


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ({}, "needs a kind"),
        ({"brand": CATEGORY}, "is found by item_id"),
        ({"brand": ChannelMapping(kind="text"), "item_id": ITEM}, "cannot be an item channel"),
    ],
)
def test_an_item_channel_needs_a_kind_and_items(
    channels: dict[str, ChannelMapping], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        EventsMapping(channels=channels, item_channels=("brand",))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'dense'"):
        ChannelMapping(kind="dens")  # type: ignore[arg-type]


def test_what_is_read_from_where() -> None:
    events = MAPPING.events
    assert events.event_channels == ("item_id", "price")
    assert events.names == ("brand", "item_id", "price", "service")
    assert [events.kind_of(n) for n in events.names] == ["category", "id", "dense", "category"]
    assert (events.column_of("item_id"), events.column_of("price")) == ("product", "price")
    assert MAPPING.table("items").column_of("item_id") == "product"
    assert MAPPING.table("labels").column_of("task") == "task"


def test_a_date_may_stand_without_quotes(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text("events: {earliest_time: 2015-01-01, latest_time: 2016-01-01 12:00:00}\n")
    events = TracesMapping.from_yaml(file).events
    assert (events.earliest_time, events.latest_time) == ("2015-01-01", "2016-01-01 12:00:00")
    assert TracesMapping(events=events).to_yaml().splitlines()[1:] == [
        "  earliest_time: '2015-01-01'",
        "  latest_time: '2016-01-01 12:00:00'",
    ]
