"""Users who write: their class shows in their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource, Tokens
from habitus.data.traces import Traces
from habitus.tasks.classes import ClassAsked
from habitus.testing.hand_made import write_traces

CLASSES = ("cook", "sail", "knit")
TOPICS = (
    ("pan", "salt", "oven", "soup"),
    ("mast", "tide", "rope", "wind"),
    ("wool", "loop", "yarn", "hook"),
)
FILLER = ("today", "again", "really", "maybe", "the", "and")
TEXT = TextSource(PostsConfig(), SegmentationConfig())


def write_posts(path: Path, posts: Mapping[str, Sequence[str]]) -> Traces:
    """Write users and their posts, one a second."""
    events = {
        user: [{"time": time, "text": text} for time, text in enumerate(texts)]
        for user, texts in posts.items()
    }
    return write_traces(path, events, {"text": "text"})


def read(traces: Traces) -> tuple[Tokens, list[str]]:
    """Return tokens of everybody, and the words."""
    tokens, words = TEXT.read(Snapshot(traces))
    return tokens, words.to_pylist()


def planted(path: Path, num_users: int = 90, seed: int = 0) -> tuple[ClassAsked, np.ndarray]:
    """Return a class task and its test classes: three words in ten are of the user's topic.

    The last user of all is a test user and has no post.
    """
    random = np.random.default_rng(seed)
    class_U = np.arange(num_users) % 3
    posts = {f"{u:03d}": _posts(random, TOPICS[class_U[u]]) for u in range(num_users)}
    posts[f"{num_users - 1:03d}"] = []
    traces = write_posts(path, posts)
    train, valid, test = np.split(np.arange(num_users), [num_users // 2, 2 * num_users // 3])
    asked = ClassAsked(
        task="topic",
        classes=CLASSES,
        train=Snapshot(traces, None, train),
        train_y_B=class_U[train],
        valid=Snapshot(traces, None, valid),
        valid_y_B=class_U[valid],
        test=Snapshot(traces, None, test),
    )
    return asked, class_U[test]


def _posts(random: np.random.Generator, topic: Sequence[str]) -> list[str]:
    return [
        " ".join(str(random.choice(topic if random.random() < 0.3 else FILLER)) for _ in range(10))
        for _ in range(3)
    ]


def accuracy(probability_BC: np.ndarray, class_B: np.ndarray) -> float:
    """Return the share of users whose class is right, but for the last, who wrote nothing."""
    assert probability_BC.shape == (len(class_B), len(CLASSES))
    np.testing.assert_allclose(probability_BC.sum(axis=1), 1, atol=1e-6)
    return float((probability_BC.argmax(axis=1) == class_B)[:-1].mean())
