"""Two towers: CLUE's downstream model for recommendation, on frozen vectors (C20, A-C15, A-C16).

One perceptron reads the user's vector, another the item's; the score is their dot product.

Differs from the paper, which does not say: binary cross-entropy with four uniform negatives a
positive, drawn anew each epoch; both towers end at 64; AdamW; stopped by NDCG@10 of the validation
users among all items. Inputs are centred and brought to one scale as a whole, so that no method is
slowed by its scale and none loses its main axes. As an option, softmax over the items of the batch
and uniform ones, with their sampling corrected (logQ: Yi et al. 2019, "Sampling-Bias-Corrected
Neural Modeling for Large Corpus Item Recommendations", RecSys): of items that are nobody's target
the batch alone says nothing.

Shapes: B users with a target, D width of a user's vector, I items, E width of an item's, N
negatives, H width that both towers end at.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from habitus.config import Config
from habitus.errors import DataError, GuardError, UsageError
from habitus.metrics import gains
from habitus.probes.base import Matrix
from habitus.probes.logistic import MAX_DEVIATIONS
from habitus.probes.targets import Targets
from habitus.random import torch_generator

AT = 10
"""Places of the validation score, NDCG@10."""
ITEMS_AT_ONCE = 8_192
"""Items that pass through their tower at a time where no gradient is asked for."""
LEAST_DEVIATION = 1e-12
"""At or below it, rows are constant."""


@dataclass(frozen=True, kw_only=True)
class TwoTowerConfig(Config):
    """Sizes and training of :class:`TwoTower`."""

    hidden: tuple[int, ...] = (512, 256, 128)
    out_dim: int = 64
    """Where both towers end."""
    loss: Literal["bce", "softmax"] = "bce"
    """Each pair judged by itself, or the target among those of the batch, with logQ."""
    num_negatives: int = 4
    """Of each positive, for ``bce``."""
    num_uniform: int = 1_024
    """Of each batch beside its targets, for ``softmax``."""
    inputs: Literal["whole", "each"] = "whole"
    """Numbers of a vector on one scale as a whole, or each on a scale of its own."""
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch_size: int = 1_024
    max_epochs: int = 50
    patience: int = 5
    """Epochs without a better NDCG@10 before it stops."""

    def __post_init__(self) -> None:
        for name in (
            "out_dim",
            "num_negatives",
            "num_uniform",
            "batch_size",
            "max_epochs",
            "patience",
        ):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if min(self.hidden, default=1) < 1:
            raise UsageError(f"hidden must be widths of 1 or more, got {self.hidden}")


class Pairs(NamedTuple):
    """Users' vectors and their targets: what is learned from."""

    x_BD: Matrix
    target_B: npt.NDArray[np.int64]
    """Column of each target in the catalogue."""


class Scale(NamedTuple):
    """Mean 0 of each number, and deviation 1 of all of them together, or of each."""

    mean_D: Matrix
    scale_D: Matrix
    """One number where the scale is of the whole."""

    @classmethod
    def fit(cls, x_BD: Matrix, inputs: Literal["whole", "each"] = "whole") -> Scale:
        """Return the scale of some rows; of constant ones, zeros."""
        mean_D = x_BD.mean(axis=0, dtype=np.float64)
        square_D = ((x_BD - mean_D) ** 2).mean(axis=0)
        deviation_D = np.sqrt(square_D if inputs == "each" else square_D.mean(keepdims=True))
        known_D = deviation_D > LEAST_DEVIATION
        scale_D = np.where(known_D, 1 / np.where(known_D, deviation_D, 1), 0)
        return cls(mean_D.astype(np.float32), scale_D.astype(np.float32))

    def __call__(self, x_BD: Matrix) -> Matrix:
        """Return the rows on this scale, held within ten deviations."""
        scaled_BD = (x_BD - self.mean_D) * self.scale_D
        return np.asarray(np.clip(scaled_BD, -MAX_DEVIATIONS, MAX_DEVIATIONS), np.float32)


class TwoTower:
    """Two perceptrons and a dot product; the weights of the best epoch. Equal seeds, equal scores.

    Args:
        config: sizes and training.
    """

    def __init__(self, config: TwoTowerConfig | None = None) -> None:
        self.config = config or TwoTowerConfig()
        self.num_weights = 0
        self.num_epochs = 0
        """Epochs that were trained, the ones after the best included."""
        self.seconds_per_epoch = 0.0
        """Of training alone, without validation."""
        self.valid_score = 0.0
        """NDCG@10 of the validation users at the best epoch."""

    def fit(self, items_IE: Matrix, train: Pairs, valid: tuple[Matrix, Targets], seed: int) -> Self:
        """Learn from train users, stop by validation users; return itself.

        Args:
            items_IE: vector of each item of the catalogue.
            train: a user may stand in it several times, with other targets.
            valid: vectors of the validation users, and what they are asked.
            seed: of weights, batches and negatives.

        Raises:
            DataError: a vector is not finite.
            GuardError: there is nobody to learn from, or fewer than two items.
        """
        _check(items_IE, train.x_BD, valid[0])
        config = self.config
        self._of_users = Scale.fit(train.x_BD, config.inputs)
        self._items_IE = _tensor(Scale.fit(items_IE, config.inputs), items_IE)
        weights = torch_generator(seed, "two_tower", "weights")
        widths = (*config.hidden, config.out_dim)
        self._user_tower = perceptron((train.x_BD.shape[1], *widths), weights)
        self._item_tower = perceptron((items_IE.shape[1], *widths), weights)
        towers = nn.ModuleList([self._user_tower, self._item_tower])
        self.num_weights = sum(p.numel() for p in towers.parameters())
        optimizer = torch.optim.AdamW(
            towers.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        x_BD, target_B = _tensor(self._of_users, train.x_BD), torch.from_numpy(train.target_B)
        chance = torch_generator(seed, "two_tower", "batches")
        best, best_state, worse, seconds = -1.0, _copy(towers), 0, 0.0
        for epoch in range(1, config.max_epochs + 1):
            began = time.perf_counter()
            self._epoch(optimizer, x_BD, target_B, chance)
            seconds += time.perf_counter() - began
            score = self._valid(*valid)
            worse = 0 if score > best else worse + 1
            if score > best:
                best, best_state = score, _copy(towers)
            self.num_epochs, self.seconds_per_epoch = epoch, seconds / epoch
            if worse >= config.patience:
                break
        towers.load_state_dict(best_state)
        self.valid_score = best
        self._out_IH = self._encode_items()
        return self

    def scores(self, x_BD: Matrix) -> npt.NDArray[np.float32]:
        """Return the score of each item of the catalogue for some users, ``(B, I)``."""
        with torch.no_grad():
            user_BH = self._user_tower(_tensor(self._of_users, x_BD))
            return np.asarray((user_BH @ self._out_IH.T).numpy(), np.float32)

    def _epoch(
        self,
        optimizer: torch.optim.Optimizer,
        x_BD: Tensor,
        target_B: Tensor,
        chance: torch.Generator,
    ) -> None:
        order_B = torch.randperm(len(target_B), generator=chance)
        num_items, count = len(self._items_IE), self.config.num_uniform
        share_I = torch.bincount(target_B, minlength=num_items) / len(target_B)
        for rows in torch.split(order_B, self.config.batch_size):
            user_BH = self._user_tower(x_BD[rows])
            if self.config.loss == "softmax":
                uniform_M = torch.randint(num_items, (count,), generator=chance)
                item_J = torch.cat([target_B[rows], uniform_M])
                expected_J = (len(rows) * share_I + count / num_items)[item_J]
                item_JH = self._item_tower(self._items_IE[item_J])
                loss = mixed_softmax(user_BH @ item_JH.T, item_J, expected_J)
            else:
                negative_BN = draw_negatives(
                    target_B[rows], num_items, self.config.num_negatives, chance
                )
                item_BM = torch.cat([target_B[rows, None], negative_BN], dim=1)
                # Each distinct item of the batch passes through its tower once.
                item_J, place_BM = torch.unique(item_BM, return_inverse=True)
                out_BMH = self._item_tower(self._items_IE[item_J])[place_BM]
                loss = pair_loss(torch.einsum("bh,bmh->bm", user_BH, out_BMH))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()

    def _valid(self, x_VD: Matrix, asked: Targets) -> float:
        self._out_IH = self._encode_items()
        better_V, tied_V = asked.all_places(lambda place: self.scores(x_VD[place]))
        return float(gains(better_V, tied_V, AT).mean())

    def _encode_items(self) -> Tensor:
        with torch.no_grad():
            parts = [self._item_tower(x) for x in torch.split(self._items_IE, ITEMS_AT_ONCE)]
        return torch.cat(parts)


def pair_loss(logit_BM: Tensor) -> Tensor:
    """Return the mean cross-entropy of the pairs: column 0 is a target, all others are not."""
    label_BM = torch.zeros_like(logit_BM)
    label_BM[:, 0] = 1
    return binary_cross_entropy_with_logits(logit_BM, label_BM)


def mixed_softmax(logit_BJ: Tensor, item_J: Tensor, expected_J: Tensor) -> Tensor:
    """Return the mean cross-entropy of targets, estimated from candidates of all users (logQ).

    Args:
        logit_BJ: candidate ``b`` is the target of user ``b``, which counts once for that user.
        item_J: the item of each candidate. Another's equal item is no negative.
        expected_J: how often the item of each candidate is expected among them: what is drawn more
            often would weigh more, which its logarithm takes out again.
    """
    own_B = torch.arange(len(logit_BJ))
    same_BJ = item_J[own_B, None] == item_J[None]
    same_BJ[own_B, own_B] = False
    corrected_BJ = logit_BJ - expected_J.log()
    corrected_BJ[own_B, own_B] = logit_BJ.diagonal()
    return cross_entropy(corrected_BJ.masked_fill(same_BJ, -torch.inf), own_B)


def draw_negatives(
    target_B: Tensor, num_items: int, number: int, generator: torch.Generator
) -> Tensor:
    """Return uniform items other than each target, with replacement, ``(B, N)``."""
    drawn_BN = torch.randint(num_items - 1, (len(target_B), number), generator=generator)
    return drawn_BN + (drawn_BN >= target_B[:, None]).long()


def perceptron(widths: tuple[int, ...], generator: torch.Generator) -> nn.Sequential:
    """Return linear layers with ReLU between them, drawn from the generator alone."""
    layers: list[nn.Module] = []
    for size_in, size_out in pairwise(widths):
        # The usual constructor would draw from the global generator.
        linear = nn.utils.skip_init(nn.Linear, size_in, size_out)  # type: ignore[no-untyped-call]
        bound = size_in**-0.5
        nn.init.uniform_(linear.weight, -bound, bound, generator=generator)
        nn.init.uniform_(linear.bias, -bound, bound, generator=generator)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _tensor(scale: Scale, x_BD: Matrix) -> Tensor:
    return torch.from_numpy(scale(x_BD))


def _check(items_IE: Matrix, *users: Matrix) -> None:
    if len(items_IE) < 2:
        raise GuardError(f"there must be two items or more to choose from, got {len(items_IE)}")
    if not all(len(x_BD) for x_BD in users):
        raise GuardError("two towers need train users and validation users who are asked")
    for name, x_BD in (("an item", items_IE), *(("a user", x_BD) for x_BD in users)):
        if not np.isfinite(x_BD).all():
            row = int(np.argmax(~np.isfinite(x_BD).all(axis=1)))
            raise DataError(f"the vector of {name} is not finite (row {row}): nothing can read it")


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
