"""What comparisons that read words have in common: where words come from, and which they know."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

from scipy.sparse import csr_array
from typing_extensions import override

from habitus.comparisons.base import Comparison
from habitus.comparisons.kept_users import kept_matrix
from habitus.comparisons.word_counts import count_words
from habitus.config import Config
from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource, Tokens, relabel
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.errors import UsageError
from habitus.probes.trials import Trial


@dataclass(frozen=True, kw_only=True)
class TextConfig(Config):
    """Which posts are read and how they become words."""

    posts: PostsConfig = field(default_factory=PostsConfig)
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)


@dataclass(frozen=True, kw_only=True)
class KnownWordsConfig(TextConfig):
    """Also which words are known."""

    vocabulary: WordVocabularyConfig = field(default_factory=WordVocabularyConfig)


class TextComparison(Comparison):
    """A comparison that reads the words of posts and answers class tasks.

    Args:
        config: how.
        text: where words come from, such as a store of words that were segmented before; None
            segments the posts of each snapshot by the config.
    """

    config: TextConfig
    trials: tuple[Trial, ...] = ()
    """What the last :meth:`classify` tried (B-0)."""

    def __init__(self, config: TextConfig, text: TextSource | None = None) -> None:
        self.config = config
        self.text = text or TextSource(config.posts, config.segmentation)


class KnownWordsComparison(TextComparison):
    """One that knows the words of a vocabulary, fitted on the training posts."""

    config: KnownWordsConfig

    def __init__(self, config: KnownWordsConfig, text: TextSource | None = None) -> None:
        super().__init__(config, text)
        self._vocabulary: WordVocabulary | None = None
        self._counts = kept_matrix(self._count)

    @property
    def vocabulary(self) -> WordVocabulary:
        """The fitted words; raises :class:`UsageError` before :meth:`fit`."""
        if self._vocabulary is None:
            raise UsageError(f"fit {self.name} on a training snapshot first")
        return self._vocabulary

    @override
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Fit the vocabulary, and what goes with it, on the training posts.

        Raises:
            GuardError: no word is frequent enough.
        """
        tokens, words = self.text.read(snapshot)
        self._vocabulary = WordVocabulary.fit(tokens, words, self.config.vocabulary)
        known = relabel(tokens, self._vocabulary.lookup(words))
        self._counts = kept_matrix(self._count)
        self._counts.put(snapshot, count_words(known, len(self._vocabulary)))
        self.fit_words(known, seed)

    @abstractmethod
    def fit_words(self, tokens: Tokens, seed: int) -> None:
        """Fit the rest on the training posts; ids are places in the vocabulary."""

    def counts(self, snapshot: Snapshot) -> csr_array:
        """Return how often each user used each known word, ``(U, W)``."""
        return self._counts.read(snapshot)

    def _count(self, snapshot: Snapshot) -> csr_array:
        tokens, words = self.text.read(snapshot)
        known = relabel(tokens, self.vocabulary.lookup(words))
        return count_words(known, len(self.vocabulary))
