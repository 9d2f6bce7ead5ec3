"""The funnel of campaigns: three steps, each of those who passed the one before."""

from habitus.tasks.complete_journey_funnel import complete_journey_funnel


def test_steps_follow_each_other() -> None:
    steps = complete_journey_funnel()
    assert [step.name for step in steps] == ["received", "redeemed", "repurchased"]
    given = [step.task.to_dict()["given"] for step in steps]
    # What a step asks for is given from the next one on.
    assert given == [[], ["campaign_received"], ["campaign_received", "coupon_redeemed"]]
    assert steps[1].task.to_dict()["label"] == "coupon_redeemed"
    assert len({step.cutoffs for step in steps}) == 1
    assert not any(step.task.config.sensitive for step in steps)
