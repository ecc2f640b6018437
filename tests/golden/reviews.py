"""A review that has one of everything, and values that would be markup if they were not data."""

from __future__ import annotations

from governance.contract_changes import ContractChange
from governance.review import Cell, Reader, Review, TableReview

HOSTILE = "a|b `c` <img src=x> @everyone [d](e)\n# *f* \x1b[31m"


def sample() -> Review:
    """It."""
    team, growth = "gold.dim_team", "gold.mrt_campaign"
    return Review(
        base="0123456789abcdef0123456789abcdef01234567",
        data=True,
        tables=(
            TableReview(
                dataset=team, owner="delivery", how="modified", key=("team_key",), rows_before=1240, rows_after=1241,
                only_before=0, only_after=1, changed=2, columns_gone=("timezone",), columns_new=("time_zone",),
                examples=(
                    Cell(key="t1", before=None, after="is there"),
                    Cell(key="t2", column="people", before="3", after="NULL"),
                    Cell(key="t3", column="name", before="*****", after=HOSTILE),
                ),
            ),
            TableReview(dataset="gold.mrt_new", owner="growth", how="new", rows_after=12),
            TableReview(dataset="gold.mrt_old", owner="growth", how="gone", rows_before=7),
            TableReview(
                dataset=growth, owner="growth", how="downstream", key=("campaign_id", "medium"), rows_before=12,
                rows_after=12, only_before=0, only_after=0, changed=0,
            ),
            TableReview(
                dataset="silver.slv_keyless", owner="delivery", how="downstream", rows_before=5, rows_after=5,
                note="no key is declared",
            ),
        ),
        changes=(
            ContractChange(dataset=team, owner="delivery", column="timezone", breaking=True, what="the column is gone"),
            ContractChange(
                dataset="gold.mrt_old", owner="growth", breaking=True, what="the dataset is gone", declared=True
            ),
            ContractChange(dataset=team, owner="delivery", column="time_zone", breaking=False, what="a new column"),
        ),
        readers=(
            Reader(name="exposure.team_productivity", owner="client-services", channel="#client-services-data",
                   of=(team,)),
            Reader(name="gold.mrt_`evil`|x", owner="<growth>", channel="#growth-data", of=(team, "gold.mrt_old")),
        ),
    )  # fmt: skip
