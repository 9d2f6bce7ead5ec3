"""Channel vocabulary: which values an encoder knows, fitted once on the training snapshot.

Category and ID channels keep the values that at least ``min_users`` users have (evaluation D10 v:
rarer ones could single a person out), the most frequent first. Dense channels keep a mean and a
standard deviation of ``sign(x) · log(1 + |x|)`` and quantile edges (A-S5). Values, not codes, are
kept, so that a fitted vocabulary reads any traces.

A channel of IDs without end may be hashed: then its buckets are its values. One that fewer than
``min_users`` users have is ``unknown``, as is any value, seen or new, that falls into it; the share
of values that share a bucket is counted on the training events and stands in ``channels.json``.

Shapes: C channels, L events, V tokens of one channel, Q quantile edges, K buckets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from habitus.config import Config
from habitus.data.columns import ChannelKind
from habitus.data.hashed_ids import Hashing, buckets_of, count_collisions
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError, GuardError, UsageError
from habitus.registry import did_you_mean

MISSING, UNKNOWN, MASK = 0, 1, 2
NUM_SPECIAL = 3
"""Tokens of every channel that stand for no value: missing, unknown, masked."""

Tokens = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ChannelVocabularyConfig(Config):
    """What to keep."""

    channels: tuple[str, ...] = ()
    """Channels to read, in order; empty: every category, ID and dense channel of the traces that is
    not the same for all events."""
    exclude: tuple[str, ...] = ()
    """Channels to leave out."""
    min_users: int = 5
    """Values of fewer users become ``unknown``."""
    max_values: int = 16_384
    """Most frequent values kept of one channel."""
    num_bins: int = 64
    """Quantile bins of a dense channel (A-S5)."""
    hashed: tuple[str, ...] = ()
    """Category and ID channels whose values are hashed into buckets; ``max_values`` leaves them
    alone."""
    num_buckets: int = 65_536
    """Buckets of each hashed channel."""

    def __post_init__(self) -> None:
        for name in ("max_values", "num_bins", "num_buckets"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if len(set(self.channels)) != len(self.channels):
            raise UsageError(f"a channel stands twice in {', '.join(self.channels)}")


@dataclass(frozen=True)
class TokenChannel:
    """A category or ID channel: its values in the order of their tokens."""

    name: str
    kind: ChannelKind
    values: pa.StringArray
    """Of a hashed channel the numbers of its buckets."""
    hashing: Hashing | None = None

    @property
    def num_tokens(self) -> int:
        """Tokens, the special ones included, ``V``."""
        return len(self.values) + NUM_SPECIAL

    def table(self, traces: Traces) -> Tokens:
        """Return the token of each code of ``traces``."""
        dictionary = traces.dictionary(self.name)
        if self.hashing is not None:
            token_K = np.full(self.hashing.num_buckets, UNKNOWN)
            token_K[self.values.to_numpy(zero_copy_only=False).astype(np.int64)] = (
                np.arange(len(self.values)) + NUM_SPECIAL
            )
            token_V = token_K[buckets_of(dictionary, self.hashing.num_buckets)]
            return np.concatenate([[MISSING], token_V]).astype(np.int32)
        place = pc.index_in(dictionary, value_set=self.values)
        known = pc.fill_null(place, UNKNOWN - NUM_SPECIAL).to_numpy(zero_copy_only=False)
        return np.concatenate([[MISSING], known + NUM_SPECIAL]).astype(np.int32)


@dataclass(frozen=True)
class DenseChannel:
    """A dense channel: how it is standardised, and its quantile bins."""

    name: str
    mean: float
    std: float
    edges_Q: Floats

    @property
    def num_bins(self) -> int:
        """Bins that a value can fall in."""
        return len(self.edges_Q) + 1

    def standardise(self, values_L: Floats) -> Floats:
        """Return values of about unit size; a missing value is 0, the mean."""
        scaled: Floats = (_compress(values_L) - self.mean) / self.std
        return np.nan_to_num(scaled, nan=0.0).astype(np.float32)

    def bins(self, values_L: Floats) -> Tokens:
        """Return the quantile bin of each value, -1 for a missing one."""
        bins: Tokens = np.searchsorted(self.edges_Q, values_L, side="right").astype(np.int32)
        bins[np.isnan(values_L)] = -1
        return bins


class ChannelVocabulary:
    """The fitted state of a channel encoder; it travels inside the model directory."""

    def __init__(
        self, token_channels: tuple[TokenChannel, ...], dense_channels: tuple[DenseChannel, ...]
    ) -> None:
        self.token_channels = token_channels
        self.dense_channels = dense_channels

    @classmethod
    def fit(cls, snapshot: Snapshot, config: ChannelVocabularyConfig) -> Self:
        """Fit on the events of the training snapshot, and on nothing else.

        Raises:
            DataError: a channel that the traces do not have, or text where a channel is wanted.
            GuardError: the snapshot has no event.
        """
        names = _names(snapshot.traces, config)
        rows_L, offsets_U1 = snapshot.latest()
        if not len(rows_L):
            raise GuardError(f"{snapshot!r} has no event to fit a vocabulary on")
        if not config.channels:
            names = [n for n in names if not _is_constant(snapshot, n, rows_L)]
        user_L = np.repeat(np.arange(snapshot.num_users), np.diff(offsets_U1))
        columns = snapshot.traces.columns
        dense = [n for n in names if columns[n].kind == "dense"]
        return cls(
            tuple(
                _fit_tokens(snapshot, name, rows_L, user_L, config)
                for name in names
                if name not in dense
            ),
            tuple(_fit_dense(name, snapshot.values(name, rows_L), config) for name in dense),
        )

    def check(self, traces: Traces) -> None:
        """Raise :class:`DataError` where ``traces`` lack a channel that was fitted."""
        dense = {channel.name for channel in self.dense_channels}
        for name in self.names:
            if name not in traces.columns:
                raise DataError(
                    f"the model reads channel {name!r} and {traces.path} has none; "
                    f"{did_you_mean(name, traces.columns)}"
                )
            kind = traces.columns[name].kind
            if kind == "text" or (kind == "dense") != (name in dense):
                wanted = "dense" if name in dense else "a category or an ID"
                raise DataError(
                    f"the model reads channel {name!r} as {wanted} and in {traces.path} it is "
                    f"{kind}: ingest the data with the mapping that the model was trained with"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all channels, token channels first."""
        tokens = tuple(c.name for c in self.token_channels)
        return tokens + tuple(c.name for c in self.dense_channels)

    def save(self, folder: Path) -> None:
        """Write ``channels.json`` and ``values.parquet``."""
        folder.mkdir(parents=True, exist_ok=True)
        channels: dict[str, Any] = {
            "tokens": [_described(c) for c in self.token_channels],
            "dense": [
                {"name": c.name, "mean": c.mean, "std": c.std, "edges": c.edges_Q.tolist()}
                for c in self.dense_channels
            ],
        }
        (folder / "channels.json").write_text(json.dumps(channels, indent=1))
        schema = pa.schema({"channel": pa.string(), "value": pa.string()})
        parts = [
            pa.table([pa.repeat(c.name, len(c.values)), c.values.cast(pa.string())], schema)
            for c in self.token_channels
        ]
        table = pa.concat_tables([schema.empty_table(), *parts])
        pq.write_table(table, folder / "values.parquet")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        try:
            channels: Mapping[str, Any] = json.loads((folder / "channels.json").read_text())
            table = pq.read_table(folder / "values.parquet")
            tokens = tuple(
                TokenChannel(c["name"], c["kind"], _values_of(table, c["name"]), _hashing_of(c))
                for c in channels["tokens"]
            )
            dense = tuple(
                DenseChannel(c["name"], c["mean"], c["std"], np.array(c["edges"], np.float32))
                for c in channels["dense"]
            )
        except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
            raise DataError(f"the vocabulary in {folder} cannot be read: {error!r}") from error
        return cls(tokens, dense)


def _names(traces: Traces, config: ChannelVocabularyConfig) -> list[str]:
    usable = [n for n, c in traces.columns.items() if c.kind != "text"]
    for name in (*config.channels, *config.exclude):
        if name not in usable:
            raise DataError(
                f"{traces.path} has no category, ID or dense channel {name!r}; "
                f"{did_you_mean(name, usable)}"
            )
    names = [n for n in (config.channels or usable) if n not in config.exclude]
    for name in config.hashed:
        if name not in names or traces.columns[name].kind == "dense":
            raise DataError(
                f"{traces.path} has no category or ID channel {name!r} to hash among those that "
                f"are read: {', '.join(n for n in names if traces.columns[n].kind != 'dense')}"
            )
    return names


def _is_constant(snapshot: Snapshot, name: str, rows_L: Rows) -> bool:
    """Return whether a channel says the same of every event, and so nothing of any user."""
    value_L = snapshot.values(name, rows_L)
    same_L = np.isnan(value_L) if np.isnan(value_L[0]) else value_L == value_L[0]
    return bool(same_L.all())


def _fit_tokens(
    snapshot: Snapshot, name: str, rows_L: Rows, user_L: Rows, config: ChannelVocabularyConfig
) -> TokenChannel:
    column = snapshot.traces.columns[name]
    values, hashing = snapshot.traces.dictionary(name), None
    code_L, num_values = snapshot.values(name, rows_L).astype(np.int64), column.num_values
    if name in config.hashed:
        bucket_V = buckets_of(values, config.num_buckets)
        count_V = np.bincount(code_L, minlength=num_values + 1)[1:]
        hashing = count_collisions(bucket_V, count_V, config.num_buckets)
        code_L, num_values = np.concatenate([[0], bucket_V + 1])[code_L], config.num_buckets
        values = pa.array(np.arange(num_values)).cast(pa.string())
    limit = config.max_values if hashing is None else num_values
    kept = _kept(code_L, num_values, user_L, config.min_users)[:limit]
    return TokenChannel(name, column.kind, values.take(pa.array(kept - 1)), hashing)


def _kept(code_L: Rows, num_values: int, user_L: Rows, min_users: int) -> Rows:
    """Return the codes that enough users have, the most frequent first."""
    count_V = np.bincount(code_L, minlength=num_values + 1)
    # One row per (user, code): how many users have a value, not how often it occurs.
    pair = np.unique(user_L * (num_values + 1) + code_L) % (num_values + 1)
    users_V = np.bincount(pair, minlength=num_values + 1)
    kept = np.flatnonzero(users_V >= max(1, min_users))
    kept = kept[kept > 0]
    most_frequent: Rows = kept[np.lexsort((kept, -count_V[kept]))]
    return most_frequent


def _fit_dense(name: str, values_L: Floats, config: ChannelVocabularyConfig) -> DenseChannel:
    present = values_L[~np.isnan(values_L)]
    if not len(present):
        return DenseChannel(name, 0.0, 1.0, np.zeros(0, np.float32))
    compressed = _compress(present).astype(np.float64)
    quantiles = np.quantile(present, np.linspace(0, 1, config.num_bins + 1)[1:-1])
    # A constant stretch gives equal edges; one of them is enough.
    edges_Q = np.unique(quantiles.astype(np.float32))
    mean, std = float(compressed.mean()), float(compressed.std())
    # Values that differ in the last bit only are a constant: others would be divided by nothing.
    resolution = float(np.finfo(np.float32).eps) * max(1.0, abs(mean))
    return DenseChannel(name, mean, std if std > resolution else 1.0, edges_Q)


def _compress(values_L: Floats) -> Floats:
    return np.sign(values_L) * np.log1p(np.abs(values_L))


def _described(channel: TokenChannel) -> dict[str, Any]:
    described: dict[str, Any] = {"name": channel.name, "kind": channel.kind}
    return (
        described if channel.hashing is None else described | {"hashing": asdict(channel.hashing)}
    )


def _hashing_of(described: Mapping[str, Any]) -> Hashing | None:
    return Hashing(**described["hashing"]) if "hashing" in described else None


def _values_of(table: pa.Table, name: str) -> pa.StringArray:
    values = table.filter(pc.equal(table["channel"], name))["value"].combine_chunks()
    return values if isinstance(values, pa.StringArray) else pa.array([], pa.string())
