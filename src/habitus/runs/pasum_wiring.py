"""What a pasum run makes of traces: words, graphs, encoder, objective, relations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from habitus.config import digest_of
from habitus.data.communities import Communities
from habitus.data.edge_split import Circle
from habitus.data.latent_semantics import fit_lsa
from habitus.data.relation_batches import RelationBatches
from habitus.data.relations import Material, Relations, train_and_valid
from habitus.data.snapshot import Snapshot
from habitus.data.social_graph import SocialGraph
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.text_graph_rows import TextGraphRows
from habitus.data.token_store import TokenStore
from habitus.data.tokens import TextSource, relabel
from habitus.data.traces import Traces
from habitus.data.word_vectors import WordVectors, complete, fit_ppmi_svd, load_word_vectors
from habitus.data.word_vocabulary import WordVocabulary
from habitus.encoders.text_graph import TextGraphEncoder
from habitus.errors import GuardError, UsageError
from habitus.objectives import Loss, Objective
from habitus.objectives.contrast import Contrast
from habitus.objectives.triplet import Triplet
from habitus.random import derive_seed, numpy_generator, torch_generator
from habitus.representations.model import Model
from habitus.runs.about import about_run
from habitus.runs.pasum_graphs import GraphViews, graph_views

if TYPE_CHECKING:
    from habitus.runs.base import Validate
    from habitus.runs.pasum import PasumRun


def build_pasum(traces: Traces, run: PasumRun, work: Path | None) -> tuple[Model, Objective]:
    """Return the untrained model, its vocabulary fitted, and its objective."""
    text = text_source(traces, run, work)
    buckets = text.buckets(run.pretraining_snapshot(traces))
    vocabulary = WordVocabulary.fit_buckets(buckets, run.vocabulary)
    encoding = TextGraphEncoding(vocabulary, text, run.graph)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(run.seed, "weights"))
        encoder = TextGraphEncoder(replace(run.encoder, num_words=encoding.num_ids))
        objective = _objective(run)
    encoder.word_weight_W.copy_(torch.from_numpy(_idf(traces, run, encoding)))
    return Model(encoder, encoding, about=about_run(traces, run, objective.name)), objective


def _idf(
    traces: Traces, run: PasumRun, encoding: TextGraphEncoding
) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return how telling each word is, and after the words each character that is a node."""
    idf_W, characters = encoding.vocabulary.idf_W, encoding.characters
    if characters is None:
        return idf_W
    buckets = encoding.text.buckets(run.pretraining_snapshot(traces))
    known = (relabel(tokens, encoding.vocabulary.lookup(words)) for tokens, words in buckets)
    users_C = sum(map(characters.count_users, known), np.zeros(len(characters.names), np.int64))
    return np.concatenate([idf_W, encoding.vocabulary.idf_of(users_C)])


def begin_pasum(traces: Traces, run: PasumRun, work: Path | None) -> tuple[Model, Objective]:
    """Return the model and the objective at step 0, word vectors where the run has them (P6)."""
    model, objective = build_pasum(traces, run, work)
    if run.begins_warm:
        encoder, encoding = parts_of(model)
        vectors_WD = word_vectors(traces, run, encoding)
        with torch.no_grad():
            encoder.words.weight.copy_(torch.from_numpy(vectors_WD))
    return model, objective


def word_vectors(
    traces: Traces, run: PasumRun, encoding: TextGraphEncoding
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return where the words of the vocabulary begin, ``(W, D)``; unknown ones drawn (A-P8).

    After them stand the characters, where these are nodes: ``(W + C, D)``.
    """
    config, vocabulary = run.word_vectors, encoding.vocabulary
    if config.kind == "file":
        assert config.file is not None
        found = load_word_vectors(config.file, vocabulary.words)
    else:
        found = _fitted_vectors(run.pretraining_snapshot(traces), run, encoding)
    if found.vectors_WD.shape[1] != run.encoder.word_dim:
        raise UsageError(
            f"the word vectors are {found.vectors_WD.shape[1]} wide and encoder.word_dim is "
            f"{run.encoder.word_dim}: set both to the same number"
        )
    vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]] = complete(
        found.vectors_WD, found.known_W, vocabulary.words, derive_seed(run.seed, "unknown words")
    )
    return vectors if encoding.characters is None else encoding.characters.extend(vectors)


def _fitted_vectors(snapshot: Snapshot, run: PasumRun, encoding: TextGraphEncoding) -> WordVectors:
    """Return vectors of the words of the training posts, from nothing but these."""
    config, vocabulary = run.word_vectors, encoding.vocabulary
    seed, dim = derive_seed(run.seed, "word vectors"), run.encoder.word_dim
    if config.kind == "lsa" and snapshot.num_users > config.max_users:
        chance = numpy_generator(seed, "users")
        chosen_B = np.sort(chance.permutation(snapshot.num_users)[: config.max_users])
        snapshot = Snapshot(snapshot.traces, snapshot.as_of, snapshot.users_U[chosen_B])
    buckets = encoding.text.buckets(snapshot)
    known = (relabel(tokens, vocabulary.lookup(words)) for tokens, words in buckets)
    if config.kind == "lsa":
        return fit_lsa(known, vocabulary.idf_W, dim, seed)
    return fit_ppmi_svd(known, len(vocabulary), dim, config.window, seed)


def prepare_pasum(
    traces: Traces,
    run: PasumRun,
    model: Model,
    objective: Objective,
    device: torch.device,
    work: Path | None,
) -> tuple[RelationBatches, Validate | None]:
    """Return the batches of training, and the loss on relations of other users (A-P17).

    These are users of no training triple: a share of the follows where the run says so, else the
    valid users, as far as they are not trained on.

    Raises:
        GuardError: a relation that the objective compares cannot be drawn from these traces.
    """
    assert isinstance(objective, Triplet | Contrast)
    snapshot, reads = run.pretraining_snapshot(traces), run.reads
    views = graph_views(snapshot, parts_of(model)[1], work, halves="halves" in reads)
    material = _material(snapshot, run, views)
    # The paper's loss is of two parts, each of which must be there; contrast takes what there is.
    strict = run.triplet is not None
    train, valid = train_and_valid(material, run.relations, reads, run.seed, strict=strict)
    model.about["relations"] = train.about()
    rows = TextGraphRows(*views.readers)
    kept = None if valid is None else RelationBatches(valid, rows)
    if kept is None and run.protocol == "strict-inductive":
        kept = _of_valid_users(traces, run, model, work)
    validate = None if kept is None else _validation(kept, run, model, objective, device)
    return RelationBatches(train, rows), validate


def _of_valid_users(
    traces: Traces, run: PasumRun, model: Model, work: Path | None
) -> RelationBatches | None:
    """Return relations between valid users; None where they have none."""
    snapshot, reads = run.snapshot(traces, "valid"), run.reads
    views = graph_views(snapshot, parts_of(model)[1], work, halves="halves" in reads)
    material = _material(snapshot, run, views)
    circle, seed = Circle.of_all(material.graph), derive_seed(run.seed, "valid")
    try:
        relations = Relations(circle, material, run.relations, reads, seed, strict=False)
    except GuardError:
        return None
    return RelationBatches(relations, TextGraphRows(*views.readers))


def _validation(
    source: RelationBatches,
    run: PasumRun,
    model: Model,
    objective: Triplet | Contrast,
    device: torch.device,
) -> Validate:
    seed, most = derive_seed(run.seed, "valid"), run.relations.valid_steps

    def validate() -> Loss:
        generator = torch_generator(run.seed, "valid")
        # Made anew each time: all graphs of all steps would not fit in memory.
        batches = source.once(seed, most)
        losses = [objective(model.encoder, b.to(device), generator) for b in batches]
        return objective.mean_loss(losses)

    return validate


def text_source(traces: Traces, run: PasumRun, work: Path | None) -> TextSource:
    """Return where words come from: a store below ``work``, which is made once."""
    if work is None:
        return TextSource(run.posts, run.segmentation)
    settings = [run.posts.to_dict(), run.segmentation.to_dict(), traces.digest]
    folder = work / f"tokens-{digest_of(settings)}"
    store = TokenStore.build(traces, run.posts, run.segmentation, folder)
    return TextSource(run.posts, run.segmentation, store)


def parts_of(model: Model) -> tuple[TextGraphEncoder, TextGraphEncoding]:
    """Return the encoder and the encoding of a model that a pasum run made."""
    assert isinstance(model.encoder, TextGraphEncoder)
    assert isinstance(model.encoding, TextGraphEncoding)
    return model.encoder, model.encoding


def _objective(run: PasumRun) -> Triplet | Contrast:
    if run.triplet is not None:
        return Triplet(run.triplet)
    assert run.contrast is not None
    return Contrast(run.contrast)


def _material(snapshot: Snapshot, run: PasumRun, views: GraphViews) -> Material:
    """Return what relations are made from: only what the objective compares is read."""
    reads = run.reads
    by_tags = "intra" in reads or "domains" in reads or run.relations.negatives == "same_domain"
    return Material(
        SocialGraph.from_snapshot(snapshot),
        Communities.from_snapshot(snapshot, run.communities) if by_tags else None,
        views.half_users,
    )
