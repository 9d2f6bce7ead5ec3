"""Where word vectors come from."""

from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.initial_vectors import InitialVectorsConfig, initial_vectors
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import Tokens, relabel
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.errors import UsageError
from tests.comparisons.texts import TEXT, write_posts


def fitted(path: Path) -> tuple[Tokens, WordVocabulary]:
    texts = {"x": ["salt soup pan", "mast tide rope"], "y": ["pan soup salt", "rope mast tide"]}
    tokens, words = TEXT.read(Snapshot(write_posts(path, texts)))
    vocabulary = WordVocabulary.fit(tokens, words, WordVocabularyConfig(min_count=1, min_users=2))
    return relabel(tokens, vocabulary.lookup(words)), vocabulary


def test_they_are_fitted_on_the_posts(tmp_path: Path) -> None:
    tokens, vocabulary = fitted(tmp_path / "t")
    vectors_WD = initial_vectors(InitialVectorsConfig(dim=2), tokens, vocabulary, 0)
    assert vectors_WD.shape == (6, 2)
    salt, soup, mast, tide = vectors_WD[vocabulary.lookup(["salt", "soup", "mast", "tide"])]
    # Who stand together are alike.
    assert salt @ soup > 10 * abs(salt @ tide)
    assert mast @ tide > 10 * abs(mast @ soup)


def test_they_are_read_from_a_file_whose_width_is_taken(tmp_path: Path) -> None:
    tokens, vocabulary = fitted(tmp_path / "t")
    file = tmp_path / "vectors.txt"
    file.write_text("salt 1 2 3\nmast 4 5 6\nother 7 8 9\n")
    config = InitialVectorsConfig(path=file)
    vectors_WD = initial_vectors(config, tokens, vocabulary, 0)
    assert vectors_WD[vocabulary.lookup(["salt", "mast"])].tolist() == [[1, 2, 3], [4, 5, 6]]
    # A-P8: what the file does not know is drawn at the scale of the rest, by seed and word.
    unknown = vectors_WD[vocabulary.lookup(["soup", "tide"])]
    assert abs(unknown).min() > 0
    np.testing.assert_array_equal(vectors_WD, initial_vectors(config, tokens, vocabulary, 0))
    other = initial_vectors(config, tokens, vocabulary, 1)
    assert not np.isclose(unknown, other[vocabulary.lookup(["soup", "tide"])]).any()


@pytest.mark.parametrize("wrong", [{"dim": 0}, {"window": 0}])
def test_a_wrong_setting_is_an_error(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="must be 1 or more"):
        InitialVectorsConfig(**wrong)  # type: ignore[arg-type]
