"""Time SentenceTransformer.encode on texts; run by the interpreter of its own environment.

The model is as large as ours and has first weights: a BERT of the same width, blocks and heads,
the mean over tokens, and our own byte-level tokens, read from the folder. Nothing is downloaded.

It prints one line of JSON: texts, seconds of the fastest turn, version.
"""

import importlib
import json
import sys
import time
import warnings
from importlib import metadata
from pathlib import Path


def main(folder: Path, turns: int) -> None:
    """Make the model, encode once without the clock, then with it."""
    warnings.simplefilter("ignore")
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    package = importlib.import_module("sentence_transformers")
    torch.set_num_threads(1)
    asked = json.loads((folder / "asked.json").read_text(encoding="utf8"))
    config = transformers.BertConfig(**asked["bert"])
    transformers.BertModel(config).save_pretrained(folder / "bert")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        # Any token will do: the mask says what is padding.
        pad_token="!",
        model_max_length=config.max_position_embeddings,
    )
    tokenizer.save_pretrained(folder / "bert")
    modules = importlib.import_module("sentence_transformers.sentence_transformer.modules")
    words = modules.Transformer(str(folder / "bert"))
    model = package.SentenceTransformer(
        modules=[words, modules.Pooling(config.hidden_size)], device="cpu"
    )
    times = []
    for _ in range(turns + 1):
        began = time.perf_counter()
        model.encode(asked["texts"], batch_size=asked["batch"], show_progress_bar=False)
        times.append(time.perf_counter() - began)
    found = {"texts": len(asked["texts"]), "seconds": min(times[1:])}
    print(json.dumps({**found, "version": metadata.version("sentence-transformers")}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
