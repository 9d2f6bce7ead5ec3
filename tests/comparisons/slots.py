"""The contract of comparisons that say a vector for each service."""

from __future__ import annotations

from typing import Any

from habitus.data.snapshot import Snapshot
from habitus.testing.comparisons import ComparisonContract, Outputs


class SlotContract(ComparisonContract):
    """Slots in the place of vectors; who is not there is zeros."""

    def outputs(self, fitted: Any, train: Snapshot, snapshot: Snapshot) -> Outputs:
        z_UKE, present_UK = fitted.slots(snapshot)
        assert z_UKE.shape[:2] == present_UK.shape == (snapshot.num_users, len(fitted.services))
        assert not z_UKE[~present_UK].any()
        return {"slots": z_UKE.reshape(len(z_UKE), -1), "present": present_UK}
