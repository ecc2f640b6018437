-- The credits of all datasets are those that are billed.
with billed as (
    select sum(cast(credits_used as double)) as credits
    from {{ account_usage('warehouse_metering_history') }}
    {% if var('account_usage') %}
        where start_time >= {{ add_days(slot_date(), '-' ~ var('cost_days')) }}
    {% endif %}
),

shared as (
    select sum(credits) as credits
    from {{ ref('mrt_platform_cost') }}
)

select
    billed.credits as billed,
    shared.credits as shared
from billed
cross join shared
where abs(billed.credits - shared.credits) > 0.00001
