"""Methods: what is compared, each a row of the honest table (D12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from habitus.comparisons import COMPARISONS, Classifies, Comparison, Predicts
from habitus.comparisons import Represents as ComparisonRepresents
from habitus.comparisons.aggregates import Aggregates
from habitus.comparisons.majority import Majority
from habitus.comparisons.random_vectors import RandomVectors
from habitus.config import digest_of
from habitus.data.snapshot import Snapshot
from habitus.errors import UsageError
from habitus.probes.base import Matrix

Group = Literal["control", "comparison", "ours"]
"""control: knows nothing; comparison: knows something; ours: what the report is about."""
Represent = Callable[[Snapshot], Matrix]
LADDER = ("logistic", "gbdt")
"""The probes that every method may use; which one is chosen on the validation users."""


class Represents(Protocol):
    """What :func:`habitus.representations.load` returns: a pre-trained encoder with its state."""

    def encode(self, snapshot: Snapshot) -> Matrix:
        """Return one finite vector for each user of the snapshot, ``(U, D)``."""
        ...


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of the table: vectors for a probe, or answers of its own."""

    name: str
    label: str
    group: Group
    description: str
    fingerprint: str
    """Changes whenever a vector or an answer does: fitted state, weights, code."""
    represent: Represent | None = None
    predicts: Predicts | None = None
    classifies: Classifies | None = None
    """How it answers class tasks itself; where there is none, a probe reads its vectors."""
    parts: tuple[Method, ...] = field(default=(), repr=False)
    """Methods whose vectors stand side by side in this one's."""
    variants: tuple[Method, ...] = field(default=(), repr=False)
    """The same method fitted with several seeds: probe seed ``s`` reads variant ``s``, in turn."""
    probes: tuple[str, ...] = LADDER
    notes: tuple[str, ...] = ()
    """What results must say of it beside its figures."""

    def __post_init__(self) -> None:
        sources = (self.represent, self.predicts, self.parts or None, self.variants or None)
        given = sum(source is not None for source in sources)
        if given > 1 or (given == 0 and self.classifies is None):
            raise UsageError(
                f"method {self.name!r} must have exactly one of represent, predicts, parts and "
                f"variants, or else classifies"
            )

    def at(self, place: int) -> Method:
        """Return the method that the probe seed in this place reads: no variants are left."""
        if self.variants:
            return self.variants[place % len(self.variants)].at(place)
        if self.parts:
            return replace(self, parts=tuple(part.at(place) for part in self.parts))
        return self

    def sources(self) -> list[Method]:
        """Return the methods that make the vectors of this one: itself, or what it is made of."""
        made_of = (*self.parts, *self.variants)
        if not made_of:
            return [self] if self.represent is not None else []
        return [source for method in made_of for source in method.sources()]


def comparison_method(comparison: Comparison, group: Group, description: str, key: str) -> Method:
    """Return the method of a fitted comparison.

    Args:
        comparison: already fitted on the training snapshot.
        group: where it stands in the report.
        description: a sentence for the reader.
        key: what its fitted state depends on: digest of the traces, as_of, seed.
    """
    fingerprint = digest_of([comparison.name, comparison.config.to_dict(), key])
    represent = comparison.represent if isinstance(comparison, ComparisonRepresents) else None
    predicts = comparison if represent is None and isinstance(comparison, Predicts) else None
    classifies = comparison if isinstance(comparison, Classifies) else None
    return Method(
        name=comparison.name,
        label=comparison.label,
        group=group,
        description=description,
        fingerprint=fingerprint,
        represent=represent,
        predicts=predicts,
        classifies=classifies,
    )


def encoder_method(
    name: str, label: str, group: Group, description: str, model: Represents, key: str
) -> Method:
    """Return the method of an encoder; ``key`` names its weights and fitted state."""
    return Method(
        name=name,
        label=label,
        group=group,
        description=description,
        fingerprint=digest_of([name, key]),
        represent=model.encode,
    )


def concatenated(name: str, label: str, group: Group, description: str, *parts: Method) -> Method:
    """Return the method whose vectors are those of its parts side by side."""
    return Method(
        name=name,
        label=label,
        group=group,
        description=description,
        fingerprint=digest_of([part.fingerprint for part in parts]),
        parts=parts,
    )


def over_seeds(variants: Sequence[Method]) -> Method:
    """Return one method of several fits with different seeds; words are those of the first."""
    first = variants[0]
    if len(variants) == 1:
        return first
    return Method(
        name=first.name,
        label=first.label,
        group=first.group,
        description=first.description,
        fingerprint=digest_of([variant.fingerprint for variant in variants]),
        variants=tuple(variants),
        notes=first.notes,
    )


def compared_methods(
    names: Sequence[str], train: Snapshot, *, classes: bool = False
) -> list[Method]:
    """Return further systems by name, fitted on a training snapshot.

    Args:
        names: of comparisons.
        train: what they are fitted on.
        classes: whether they are to answer class tasks, else yes-or-no tasks.

    Raises:
        UsageError: no such comparison, or one that cannot answer such tasks.
    """
    key = digest_of([train.traces.digest, train.as_of, train.users_U.tolist()])
    found = []
    for name in names:
        comparison = COMPARISONS[name]()
        answers = Classifies if classes else Predicts
        if not isinstance(comparison, (ComparisonRepresents, answers)):
            sort = "class" if classes else "yes-or-no"
            raise UsageError(f"comparison {name!r} answers no {sort} tasks: leave it out here")
        comparison.fit(train, 0)
        words = (type(comparison).__doc__ or "").strip().splitlines()[0]
        found.append(comparison_method(comparison, "comparison", words, key))
    return found


def control_methods(train: Snapshot, seeds: Sequence[int] = (0, 1, 2, 3, 4)) -> list[Method]:
    """Return majority, random vectors and aggregates, fitted on a training snapshot.

    Random vectors differ from probe seed to probe seed: one draw of them, read by every task,
    would look better or worse than chance by luck alone.
    """
    key = digest_of([train.traces.digest, train.as_of, train.users_U.tolist()])
    majority, aggregates = Majority(), Aggregates()
    aggregates.fit(train)
    draws = [RandomVectors() for _ in seeds]
    for draw, seed in zip(draws, seeds, strict=True):
        draw.fit(train, seed)
    words = "Numbers that know nothing, drawn anew for each probe seed."
    noise = [
        comparison_method(draw, "control", words, f"{key} {seed}")
        for draw, seed in zip(draws, seeds, strict=True)
    ]
    return [
        comparison_method(majority, "control", "The training users' share of yes, for all.", key),
        over_seeds(noise),
        comparison_method(
            aggregates,
            "comparison",
            "What an analyst counts: how much, how recently, how regularly, of what.",
            key,
        ),
    ]
