"""Time PandasDataPreprocessor; run by the interpreter of its own environment.

It prints one line of JSON: events, seconds and those of CPU, seconds of reading, version.
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
    pandas = importlib.import_module("pandas")
    # The first time it loads what is imported lazily.
    pandas.read_parquet(path)
    began = time.perf_counter()
    frame = pandas.read_parquet(path)
    read = time.perf_counter() - began
    frame = frame.head(num_events) if num_events else frame
    began, cpu_began = time.perf_counter(), time.process_time()
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
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    version = metadata.version("pytorch-lifestream")
    found = {"events": len(frame), "seconds": seconds, "cpu": cpu, "read": read}
    print(json.dumps({**found, "version": version}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
