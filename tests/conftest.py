"""What every test shares: hypothesis without a clock, and the same examples on every machine."""

import os

from hypothesis import settings

# Deadlines fail on a busy machine, and a random find on somebody else's change is no help to them:
# HYPOTHESIS_PROFILE=explore looks for new examples.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
