"""Trainer: loss into weights.

All chance is a function of the seed and the step: the loader's of its position, the objective's and
dropout's of the step. So no generator has a state to save, an evaluation disturbs nothing, and a
resumed run repeats an uninterrupted one bit by bit (on a CPU, with the same number of threads).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from habitus.data.loader import Loader
from habitus.encoders import UserEncoder
from habitus.errors import GuardError, UsageError
from habitus.objectives import Loss, Objective
from habitus.random import derive_seed, torch_generator
from habitus.training.checkpoint import CheckpointFolder
from habitus.training.config import TrainingConfig
from habitus.training.distributed import any_wishes, average_gradients, least, peers
from habitus.training.grad_cache import Backward
from habitus.training.identity import identity
from habitus.training.interrupt import Interrupt
from habitus.training.log import Log
from habitus.training.meter import Sums
from habitus.training.precision import forward_precision
from habitus.training.rebalance import rebalance
from habitus.training.result import TrainingResult
from habitus.training.routing_log import flat_shares, shares_of
from habitus.training.schedule import schedule
from habitus.training.state import TrainingState, seed_dropout
from habitus.training.trackers import Tracker

OnStep = Callable[[int, int, Mapping[str, float]], None]
"""Gets steps done, steps in all, and the step's loss, learning_rate, grad_norm and rates."""


class Trainer:
    """Trains an encoder and its objective on the device where they are.

    Args:
        encoder: trained in place; at the end it has the weights of the best evaluation.
        objective: trained beside it, where it has weights.
        loader: batches; its position is part of every checkpoint.
        config: how.
        folder: gets ``log.jsonl`` and ``checkpoints/``. A training that is already in it goes on.
        validate: the loss on validation users, with the weights as they are; lower is better. It
            runs without gradients, in eval mode, and has to take its chance from a fixed seed.
        on_step: called after each step, for a progress bar.
        trackers: get each line of the log; closed at the end.
        data_digest: of the traces; a checkpoint of other data is refused.

    Raises:
        UsageError: patience without ``validate``, or GradCache with an objective without it.
    """

    def __init__(
        self,
        encoder: UserEncoder,
        objective: Objective,
        loader: Loader[Any, Any],
        config: TrainingConfig,
        folder: str | Path,
        *,
        validate: Callable[[], Loss] | None = None,
        on_step: OnStep | None = None,
        trackers: Sequence[Tracker] = (),
        data_digest: str | None = None,
    ) -> None:
        self.encoder, self.objective, self.loader = encoder, objective, loader
        self.config, self.folder = config, Path(folder)
        self.validate, self.on_step, self.trackers = validate, on_step, trackers
        self.modules = nn.ModuleDict({"encoder": encoder, "objective": objective})
        self.schedule = schedule(config)
        self.checkpoints = CheckpointFolder(self.folder / "checkpoints")
        settings = identity(config, encoder, objective, data_digest)
        if (several := peers().world) > 1:
            settings["processes"] = several
        self.state = TrainingState(self.modules, loader, config, settings)
        self.device = self.state.device
        self.backward = Backward(encoder, objective, config, self.device)
        self.log = Log(self.folder / "log.jsonl")
        self.saved_step: int | None = None
        self.saved_at = -math.inf
        self._has_begun = False
        if config.patience is not None and validate is None:
            raise UsageError("patience needs a validation objective: give validate, or no patience")

    def fit(self) -> TrainingResult:
        """Train to the end, from the last checkpoint where there is one.

        The first Ctrl-C waits for the end of the step and leaves a checkpoint.

        Raises:
            UsageError: the folder holds a training with other settings; the message names the key.
            DataError: every checkpoint is damaged, or there is no room for the next.
            GuardError: the loss is not finite.
            KeyboardInterrupt: with a sentence that says how to go on.
        """
        state, every = self.state, self.config.evaluate_every
        with self._surroundings() as interrupt:
            resumed_from = self._resume()
            while not self.finished:
                metrics = self._train_step()
                state.step += 1
                if self._due(self.config.log_every):
                    self._log_training(metrics)
                if evaluated := (self.validate is not None and self._due(every)):
                    self._evaluate()
                # Processes that share a step stop and save at the same one.
                stop, is_old = any_wishes(interrupt.requested, self._checkpoint_is_old())
                if evaluated or stop or self.finished or is_old:
                    self._save()
                if self.on_step is not None:
                    self.on_step(state.step, self.config.max_steps, metrics)
                if stop:
                    raise KeyboardInterrupt
            best = state.best_step
            state.keep(None if best is None else self.checkpoints.load(best))
            self.modules.eval()
            return self._result(resumed_from)

    @property
    def finished(self) -> bool:
        """All steps are done, or the validation objective has stopped improving."""
        patience = self.config.patience
        hopeless = patience is not None and self.state.evaluations_since_best >= patience
        return hopeless or self.state.step >= self.config.max_steps

    def _train_step(self) -> dict[str, float]:
        started, config, step = time.perf_counter(), self.config, self.state.step
        optimizers, sums = self.state.optimizers, Sums(steps=1)
        self.modules.train()
        rate = optimizers.set_rate(self.schedule(step))
        generator = torch_generator(config.seed, "objective", step)
        seed_dropout(derive_seed(config.seed, "dropout", step), self.device)
        optimizers.zero_grad()
        losses: list[Loss] = []
        for _ in range(config.accumulate):
            batch = next(self.loader)
            sums.add_batch(batch, self.backward.flops(batch))
            losses.append(self.backward(batch.to(self.device), generator, config.accumulate))
        average_gradients(self.modules)
        grad_norm = read_losses(losses, optimizers.clip(), sums)
        if not math.isfinite(sums.loss + grad_norm):
            raise self._not_finite(sums, f"gradient norm {grad_norm}, learning rate {rate}")
        optimizers.step()
        rebalance(self.encoder, losses)
        if self.state.ema is not None:
            self.state.ema.update()
        sums.seconds = time.perf_counter() - started
        self.state.meter.add(sums)
        return {"loss": sums.loss, "learning_rate": rate, "grad_norm": grad_norm, **sums.rates()}

    def _evaluate(self) -> None:
        assert self.validate is not None
        self.modules.eval()
        seed_dropout(derive_seed(self.config.seed, "validate"), self.device)
        averaged = nullcontext() if self.state.ema is None else self.state.ema.applied()
        with torch.no_grad(), averaged, forward_precision(self.config.precision, self.device):
            loss = self.validate()
        sums = Sums(steps=1)
        read_losses([loss], loss.total, sums)
        if not math.isfinite(sums.loss):
            raise self._not_finite(sums, "on the validation users")
        best = self.state.take_evaluation(sums.loss)
        record = {"kind": "valid", "step": self.state.step, "loss": sums.loss}
        self._write({**record, "parts": sums.part_means, "best": best})

    def _log_training(self, metrics: Mapping[str, float]) -> None:
        meter = self.state.meter
        window, meter.window = meter.window, Sums()
        self._write(
            {
                "kind": "train",
                "step": self.state.step,
                "loss": window.loss / window.steps,
                "parts": window.part_means,
                "learning_rate": metrics["learning_rate"],
                "grad_norm": metrics["grad_norm"],
                "users": meter.total.users,
                "events": meter.total.events,
                "flops_true": meter.total.flops_true,
                "flops_executed": meter.total.flops_executed,
                "padding_share": window.padding_share,
                **({"routing": shares_of(window.shares, window.steps)} if window.shares else {}),
                **window.rates(),
                "peak_memory_bytes": meter.look_at_memory(self.device),
            }
        )

    def _write(self, record: Mapping[str, Any]) -> None:
        plain = self.log.write(record)
        for tracker in self.trackers:
            tracker.log(plain)

    def _due(self, every: int | None) -> bool:
        step = self.state.step
        return step == self.config.max_steps or (every is not None and step % every == 0)

    def _checkpoint_is_old(self) -> bool:
        return time.monotonic() - self.saved_at >= self.config.checkpoint_every_s

    def _save(self) -> None:
        self.checkpoints.save(self.state.to_checkpoint(self.log.sync()))
        self.saved_at, self.saved_step = time.monotonic(), self.state.step

    def _resume(self) -> int | None:
        if self._has_begun:
            raise UsageError("a trainer trains once: make a new one to go on")
        self._has_begun = True
        checkpoint = self.checkpoints.latest()
        step = -1 if checkpoint is None else checkpoint.step
        if (common := least(step)) != step:
            # A process that was cut off while it wrote has one checkpoint less than the others.
            checkpoint = self.checkpoints.load(common) if common >= 0 else None
        if checkpoint is not None:
            self.state.load(checkpoint, self.checkpoints.folder)
            self.saved_step = checkpoint.step
        self.log.open(0 if checkpoint is None else checkpoint.values["log_bytes"])
        self.saved_at = time.monotonic()
        return self.saved_step

    @contextmanager
    def _surroundings(self) -> Iterator[Interrupt]:
        """Own the global generators, the threads, the log and Ctrl-C, and give all of them back."""
        with ExitStack() as stack:
            gpus = [self.device] if self.device.type == "cuda" else []
            stack.enter_context(torch.random.fork_rng(gpus))
            if self.config.num_threads is not None:
                stack.callback(torch.set_num_threads, torch.get_num_threads())
                torch.set_num_threads(self.config.num_threads)
            stack.callback(self.loader.close)
            for tracker in self.trackers:
                stack.callback(tracker.close)
            stack.callback(self.log.close)
            interrupt = stack.enter_context(Interrupt())
            try:
                yield interrupt
            except KeyboardInterrupt as error:
                raise KeyboardInterrupt(
                    f"training was stopped after step {self.state.step}; {self._where()}. "
                    f"Run the same again to go on"
                ) from error

    def _where(self) -> str:
        if self.saved_step is None:
            return "there is no checkpoint yet"
        return f"the checkpoint of step {self.saved_step} is in {self.checkpoints.folder}"

    def _not_finite(self, sums: Sums, circumstances: str) -> GuardError:
        return GuardError(
            f"the loss is not finite at step {self.state.step + 1}: {sums.loss}, parts "
            f"{sums.part_means}, {circumstances}. Training stopped before the weights were "
            f"touched; {self._where()}. Lower learning_rate or clip_norm, or use precision 'fp32', "
            f"and train in another folder"
        )

    def _result(self, resumed_from: int | None) -> TrainingResult:
        state, total = self.state, self.state.meter.total
        return TrainingResult(
            steps=state.step,
            stopped_early=state.step < self.config.max_steps,
            best_step=state.best_step,
            best_valid=state.best_valid,
            history=self.log.records,
            seconds=state.seconds,
            **total.rates(),
            flops_true=total.flops_true,
            flops_executed=total.flops_executed,
            padding_share=total.padding_share,
            peak_memory_bytes=state.meter.look_at_memory(self.device),
            resumed_from=resumed_from,
        )


def read_losses(losses: Sequence[Loss], norm: Tensor, sums: Sums) -> float:
    """Add losses to the sums and return the norm: all numbers in one transfer from the device."""
    scalars = [norm]
    for loss in losses:
        scalars += [loss.total, *loss.parts.values(), *(loss.counts[name] for name in loss.parts)]
        scalars += loss.shares.values()
    flat = torch.cat([s.detach().to(norm.device, torch.float32).flatten() for s in scalars])
    grad_norm, *rest = flat.tolist()
    numbers = iter(rest)
    for loss in losses:
        sums.loss += next(numbers) / len(losses)
        parts = {name: next(numbers) for name in loss.parts}
        counts = {name: next(numbers) for name in loss.parts}
        weighted = {n: parts[n] * counts[n] if counts[n] else 0.0 for n in parts}
        shares = {
            path: [next(numbers) / len(losses) for _ in share_E]
            for path, share_E in loss.shares.items()
        }
        sums.add(Sums(parts=weighted, counts=counts, shares=flat_shares(shares)))
    return float(grad_norm)
