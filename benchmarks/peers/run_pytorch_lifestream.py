"""Time PandasDataPreprocessor; run by the interpreter of its own environment.

It prints one line of JSON: events, seconds, version.
"""

import importlib
import json
import sys
import time
import warnings
from importlib import metadata


def main(path: str, num_events: int) -> None:
    """Read the transactions, then turn them into records with the clock on."""
    warnings.simplefilter("ignore")
    preprocessing = importlib.import_module("ptls.preprocessing")
    frame = importlib.import_module("pandas").read_parquet(path)
    frame = frame.head(num_events) if num_events else frame
    began = time.perf_counter()
    preprocessor = preprocessing.PandasDataPreprocessor(
        col_id="household_id",
        col_event_time="transaction_timestamp",
        event_time_transformation="dt_to_timestamp",
        cols_category=["store_id", "basket_id", "product_id", "week"],
        cols_numerical=[
            *("quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
        ],
        return_records=True,
    )
    preprocessor.fit_transform(frame)
    seconds = time.perf_counter() - began
    version = metadata.version("pytorch-lifestream")
    print(json.dumps({"events": len(frame), "seconds": seconds, "version": version}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
