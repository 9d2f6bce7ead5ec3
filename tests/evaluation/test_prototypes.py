"""Prototypes made of keywords: what they are, and that they answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from habitus.comparisons import Classifies
from habitus.data import text_graph_characters
from habitus.data.keyword_graphs import one_word_graphs
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphConfig
from habitus.data.text_graph_batch import text_graph_batch
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.tokens import relabel
from habitus.data.word_vectors import fit_ppmi_svd
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig
from habitus.errors import GuardError
from habitus.evaluation.prototypes import Prototypes, cosines, csls, encode_graphs, keyword_ids
from habitus.representations.model import Model
from habitus.tasks.classes import ClassAsked
from tests.comparisons.texts import CLASSES, TEXT, TOPICS, accuracy, planted

KEYWORDS = {"topic": dict(zip(CLASSES, TOPICS, strict=True))}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClassAsked, np.ndarray]:
    return planted(tmp_path_factory.mktemp("posts") / "traces")


def model_of(asked: ClassAsked, graph: TextGraphConfig | None = None) -> Model:
    """Return an untrained encoder with word vectors of the training posts."""
    tokens, words = TEXT.read(asked.train)
    vocabulary = WordVocabulary.fit(tokens, words, WordVocabularyConfig(min_count=1, min_users=1))
    known = relabel(tokens, vocabulary.lookup(words))
    encoding = TextGraphEncoding(vocabulary, TEXT, graph or TextGraphConfig())
    torch.manual_seed(0)
    config = TextGraphEncoderConfig(
        num_words=encoding.num_ids, word_dim=8, hidden=8, aggregation="mean", residual=True
    )
    encoder = TextGraphEncoder(config)
    vectors = fit_ppmi_svd(known, len(vocabulary), 8, 5, 0).vectors_WD
    if encoding.characters is not None:
        vectors = encoding.characters.extend(vectors)
    with torch.no_grad():
        encoder.words.weight.copy_(torch.from_numpy(vectors))
    return Model(encoder, encoding)


def test_topics_are_found_without_a_label(asked: tuple[ClassAsked, np.ndarray]) -> None:
    method = Prototypes(model_of(asked[0]), KEYWORDS)
    assert isinstance(method, Classifies)
    assert accuracy(method.classify(asked[0], 0), asked[1]) > 0.8


def test_keywords_have_characters_where_users_have(
    asked: tuple[ClassAsked, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The few words of the test share no part.
    monkeypatch.setattr(text_graph_characters, "LEAST_WORDS", 1)
    method = Prototypes(model_of(asked[0], TextGraphConfig(char_nodes=True)), KEYWORDS)
    graphs = method._graphs(asked[0])
    characters = method.encoding.characters
    assert characters is not None
    assert "pan" in characters.names
    of_first = graphs.word_V[: graphs.node_ptr_U1[1]]
    words = of_first[of_first < characters.num_words]
    expected = {c for w in words for c in characters.char_N[slice(*characters.ptr_W1[w : w + 2])]}
    assert set(of_first.tolist()) == {
        *words.tolist(),
        *(characters.num_words + c for c in expected),
    }
    assert accuracy(method.classify(asked[0], 0), asked[1]) > 0.8


def test_no_label_is_read(asked: tuple[ClassAsked, np.ndarray]) -> None:
    one = asked[0]
    other = ClassAsked(
        one.task, one.classes, one.train, one.train_y_B[::-1], one.valid, 0 * one.valid_y_B,
        one.test,
    )  # fmt: skip
    method = Prototypes(model_of(one), KEYWORDS)
    np.testing.assert_array_equal(method.classify(one), method.classify(other))


def test_what_is_said_of_a_user_does_not_depend_on_who_else_is_tested(
    asked: tuple[ClassAsked, np.ndarray],
) -> None:
    one, method = asked[0], Prototypes(model_of(asked[0]), KEYWORDS)
    few = Snapshot(one.test.traces, None, one.test.users_U[3:6])
    alone = method.classify(ClassAsked(**{**vars(one), "test": few}))
    np.testing.assert_allclose(alone, method.classify(one)[3:6], atol=1e-6)


def test_other_keywords_are_other_classes(asked: tuple[ClassAsked, np.ndarray]) -> None:
    turned = {"topic": dict(zip(CLASSES, (TOPICS[1], TOPICS[2], TOPICS[0]), strict=True))}
    said = Prototypes(model_of(asked[0]), turned).classify(asked[0])
    assert accuracy(said, (asked[1] + 2) % 3) > 0.8


def test_prototypes_and_training_users_are_counted_from_their_means(
    asked: tuple[ClassAsked, np.ndarray],
) -> None:
    prototype_CD, known_ND, user_UD = Prototypes(model_of(asked[0]), KEYWORDS).centred(asked[0])
    np.testing.assert_allclose(prototype_CD.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(known_ND.mean(axis=0), 0, atol=1e-5)
    assert abs(user_UD.mean(axis=0)).max() > 1e-4


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({}, "no keywords are known"),
        ({"topic": {**KEYWORDS["topic"], "sail": ["zzz"]}}, "no keyword of the class 'sail'"),
        ({"topic": {**KEYWORDS["topic"], "sail": []}}, "no keyword of the class 'sail'"),
    ],
)
def test_a_class_without_a_known_keyword_cannot_be_asked(
    keywords: dict[str, dict[str, list[str]]], message: str, asked: tuple[ClassAsked, np.ndarray]
) -> None:
    with pytest.raises(GuardError, match=message):
        Prototypes(model_of(asked[0]), keywords).classify(asked[0])


def test_keywords_are_split_and_folded_like_posts(asked: tuple[ClassAsked, np.ndarray]) -> None:
    encoding = model_of(asked[0]).encoding
    assert isinstance(encoding, TextGraphEncoding)
    said = {"topic": {"cook": ["SALT pan", "salt"], "sail": ["Tide"], "knit": ["wool, yarn!"]}}
    words = encoding.vocabulary.words.to_pylist()
    found = [{words[i] for i in ids} for ids in keyword_ids(asked[0], said, encoding)]
    assert found == [{"salt", "pan"}, {"tide"}, {"wool", "yarn"}]


def test_a_prototype_is_what_a_user_of_these_words_is() -> None:
    encoder = TextGraphEncoder(TextGraphEncoderConfig(num_words=5, word_dim=4, hidden=4))
    graphs = one_word_graphs(np.array([4, 0]))
    with torch.inference_mode():
        z_UD = encoder.eval()(text_graph_batch(graphs)).z_UD.numpy()
    np.testing.assert_array_equal(encode_graphs(encoder, graphs), z_UD)


def test_cosines_are_those_of_a_loop_and_zero_with_nothing() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(4, 3)), random.normal(size=(2, 3))
    x[1] = 0
    found = cosines(x.astype(np.float32), y.astype(np.float32))
    for u in range(4):
        for c in range(2):
            length = np.linalg.norm(x[u]) * np.linalg.norm(y[c])
            expected = x[u] @ y[c] / length if length else 0
            assert found[u, c] == pytest.approx(expected, abs=1e-6)


def test_csls_is_its_formula() -> None:
    random = np.random.default_rng(1)
    cosine_UC, known_NC = random.uniform(-1, 1, (5, 3)), random.uniform(-1, 1, (20, 3))
    found = csls(cosine_UC, known_NC, neighbours=2)
    for u in range(5):
        hub_u = sum(sorted(cosine_UC[u])[-2:]) / 2
        for c in range(3):
            hub_c = sum(sorted(known_NC[:, c])[-2:]) / 2
            assert found[u, c] == pytest.approx(2 * cosine_UC[u, c] - hub_u - hub_c)


def test_csls_takes_users_from_a_hub() -> None:
    # Everybody is near class 0, which says nothing: who is nearer to 1 than usual is of class 1.
    known_NC = np.array([[0.9, 0.1]] * 5)
    # 2 · .9 - .9 = .9 is less than 2 · .6 - .1 = 1.1; the user's own term is the same in both.
    assert csls(np.array([[0.9, 0.6]]), known_NC).argmax() == 1


def test_without_correction_hubs_stay(asked: tuple[ClassAsked, np.ndarray]) -> None:
    model = model_of(asked[0])
    plain = Prototypes(model, KEYWORDS, correct_hubs=False)
    prototype_CD, _, user_UD = plain.centred(asked[0])
    expected = cosines(user_UD, prototype_CD).argmax(axis=1)
    np.testing.assert_array_equal(plain.classify(asked[0]).argmax(axis=1), expected)


def test_vectors_may_be_kept_elsewhere(asked: tuple[ClassAsked, np.ndarray]) -> None:
    model, calls = model_of(asked[0]), []

    def kept(snapshot: Snapshot) -> np.ndarray:
        calls.append(snapshot.num_users)
        return model.encode(snapshot)

    Prototypes(model, KEYWORDS, kept).classify(asked[0])
    assert sorted(calls) == sorted([asked[0].train.num_users, asked[0].test.num_users])
