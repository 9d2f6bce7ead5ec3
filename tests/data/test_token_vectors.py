"""Tokens are near each other when the same people meet them, and weigh by what they tell."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from habitus.data.byte_bpe import ByteBPEConfig
from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_sequence import ItemSequenceConfig
from habitus.data.snapshot import Snapshot
from habitus.data.token_vectors import (
    LEAST_WEIGHT,
    TokenVectors,
    TokenVectorsConfig,
    fit_token_vectors,
    item_tokens,
)
from habitus.errors import UsageError
from habitus.testing.hand_made import write_traces

SEED = 0
LSA = TokenVectorsConfig()


def world(folder: Path, *, one_service: int = 0) -> Snapshot:
    """Return painters, who use paper, and cooks, who use foil; all of them buy tape.

    ``one_service`` more users are at home only.
    """
    events = {}
    for user in range(12):
        words = ("brush", "paper") if user % 2 else ("spoon", "foil")
        texts = [(words[0], "home"), (words[1], "work"), ("tape", "work")]
        if user == 3:
            texts += [("brush", "home"), ("umbrella", "home")]
        events[f"u{user:02d}"] = [
            {"time": t + 1, "text": text, "service": service}
            for t, (text, service) in enumerate(texts)
        ]
    for user in range(one_service):
        events[f"v{user:02d}"] = [{"time": 1, "text": "spoon", "service": "home"}]
    traces = write_traces(
        folder, events, {"text": "text", "service": "category"}, time_unit="order"
    )
    return Snapshot(traces)


def fitted(snapshot: Snapshot) -> ItemTextEncoding:
    config = ByteBPEConfig(vocab_size=400, min_frequency=1)
    return ItemTextEncoding.fit(snapshot, config, ItemSequenceConfig())


def token(encoding: ItemTextEncoding, word: str) -> int:
    token_T, _ = encoding.bpe.encode([word])
    assert len(token_T) == 1
    return int(token_T[0])


def cosine(found: TokenVectors, one: int, other: int) -> float:
    return float(found.vectors_VD[one] @ found.vectors_VD[other])


def test_items_are_the_posts_of_their_users(tmp_path: Path) -> None:
    snapshot = world(tmp_path / "t")
    encoding = fitted(snapshot)
    (tokens,) = item_tokens(snapshot, encoding)
    # User 3 bought a brush twice, which counts once: four items of four tokens.
    assert np.diff(tokens.user_ptr_U1).tolist() == [3, 3, 3, 4, *[3] * 8]
    words = ["spoon", "foil", "tape", "brush", "paper", "tape"]
    assert tokens.id_T[:6].tolist() == [token(encoding, word) for word in words]


def test_tokens_of_two_services_are_near_when_one_person_meets_them(tmp_path: Path) -> None:
    snapshot = world(tmp_path / "t")
    encoding = fitted(snapshot)
    found = fit_token_vectors(snapshot, encoding, LSA, 4, SEED)
    brush, paper, foil = (token(encoding, word) for word in ("brush", "paper", "foil"))
    assert cosine(found, brush, paper) > 0.9
    assert abs(cosine(found, brush, foil)) < 0.3
    lengths_V = np.linalg.norm(found.vectors_VD, axis=1)
    np.testing.assert_allclose(lengths_V[found.known_V], 1, rtol=1e-5)
    assert not found.vectors_VD[~found.known_V].any()


def test_what_everybody_meets_and_what_nobody_met_weigh_least(tmp_path: Path) -> None:
    snapshot = world(tmp_path / "t")
    encoding = fitted(snapshot)
    found = fit_token_vectors(snapshot, encoding, LSA, 4, SEED)
    tape, brush = token(encoding, "tape"), token(encoding, "brush")
    # idf of tape: log(13 / 13) = 0, so 0.001.
    least = np.float32(LEAST_WEIGHT)
    assert found.weight_V[tape] == least
    assert (found.weight_V[: encoding.bpe.num_special] == least).all()
    assert not found.known_V[: encoding.bpe.num_special].any()
    assert found.weight_V[brush] > 0.5
    # One in the mean, before the least of tape is raised.
    assert found.weight_V[found.known_V].mean() == pytest.approx(1, abs=0.01)


def test_vectors_are_the_decomposition_of_who_meets_what(tmp_path: Path) -> None:
    snapshot = world(tmp_path / "t")
    encoding = fitted(snapshot)
    found = fit_token_vectors(snapshot, encoding, LSA, 3, SEED)
    weight_UV = np.zeros((12, encoding.bpe.num_tokens))
    for user in range(12):
        names = ["brush", "paper"] if user % 2 else ["spoon", "foil"]
        for name in [*names, "tape", *(["umbrella"] if user == 3 else [])]:
            weight_UV[user, token(encoding, name)] = 1
    idf_V = np.maximum(np.log(13 / (1 + weight_UV.sum(0))), 1e-3)
    weight_UV *= idf_V
    weight_UV /= np.linalg.norm(weight_UV, axis=1, keepdims=True)
    right_VD = np.linalg.svd(weight_UV, full_matrices=False)[2][:3].T
    length_V: npt.NDArray[np.float64] = np.linalg.norm(right_VD, axis=1)
    known = np.flatnonzero(found.known_V)
    expected = (right_VD @ right_VD.T)[np.ix_(known, known)]
    expected /= np.outer(length_V[known], length_V[known])
    cosines = (found.vectors_VD @ found.vectors_VD.T)[np.ix_(known, known)]
    np.testing.assert_allclose(cosines, expected, atol=1e-4)
    weight_V = (idf_V * length_V)[known]
    share_V = np.maximum(weight_V / weight_V.mean(), LEAST_WEIGHT)
    np.testing.assert_allclose(found.weight_V[known], share_V, rtol=1e-4)


def test_people_on_one_service_say_nothing_of_what_goes_with_what(tmp_path: Path) -> None:
    few, many = world(tmp_path / "a"), world(tmp_path / "b", one_service=30)
    encoding = fitted(few)
    first = fit_token_vectors(few, encoding, LSA, 4, SEED)
    again = fit_token_vectors(many, encoding, LSA, 4, SEED)
    np.testing.assert_array_equal(first.weight_V, again.weight_V)
    # Where all are on one service, they are read all the same.
    alone = Snapshot(many.traces, None, np.arange(12, 42))
    found = fit_token_vectors(alone, encoding, LSA, 4, SEED)
    assert found.known_V.tolist() == [
        v == token(encoding, "spoon") for v in range(len(found.known_V))
    ]


def test_at_most_so_many_users_are_read(tmp_path: Path) -> None:
    snapshot = world(tmp_path / "t")
    encoding = fitted(snapshot)
    few = TokenVectorsConfig(max_users=1)
    found = fit_token_vectors(snapshot, encoding, few, 4, SEED)
    # Three words, or four with the umbrella.
    assert found.known_V.sum() <= 4
    again = fit_token_vectors(snapshot, encoding, few, 4, SEED)
    np.testing.assert_array_equal(found.vectors_VD, again.vectors_VD)


def test_neighbours_in_texts_make_vectors_too(tmp_path: Path) -> None:
    events = {
        f"u{u}": [{"time": 1, "text": "red tea" if u % 2 else "blue cup", "service": "a"}]
        for u in range(8)
    }
    traces = write_traces(tmp_path / "t", events, {"text": "text", "service": "category"})
    snapshot = Snapshot(traces)
    encoding = ItemTextEncoding.fit(
        snapshot, ByteBPEConfig(vocab_size=400, min_frequency=1), ItemSequenceConfig()
    )
    found = fit_token_vectors(snapshot, encoding, TokenVectorsConfig(kind="ppmi_svd"), 4, SEED)
    assert found.known_V.sum() == 4
    assert np.isfinite(found.vectors_VD).all()
    assert (found.weight_V > 0).all()


@pytest.mark.parametrize("change", [{"max_users": 0}, {"window": 0}, {"std": 0.0}])
def test_wrong_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        TokenVectorsConfig.from_dict(change)
