with {{ current_rows(false) }},

-- Of each day the record that is believed; records without a date speak only where there is no other.
dated as (
    select
        *,
        row_number() over (partition by customer_id, engagement_date order by {{ latest_first() }}) as rank,
        max(engagement_date) over (partition by customer_id) as last_date
    from current_rows
),

states as (
    select
        customer_id,
        customer_name,
        client_revenue,
        employee_count,
        engagement_date,
        {{ surrogate_key(['match_name', 'client_revenue', 'employee_count']) }} as state
    from dated
    where rank = 1 and (engagement_date is not null or last_date is null)
),

compared as (
    select
        *,
        lag(state) over (partition by customer_id order by engagement_date) as previous_state
    from states
),

versioned as (
    select
        *,
        cast(
            sum(case when state is distinct from previous_state then 1 else 0 end) over (
                partition by customer_id order by engagement_date rows between unbounded preceding and current row
            ) as bigint
        ) as version
    from compared
),

ranked as (
    select
        *,
        min(engagement_date) over (partition by customer_id, version) as valid_from,
        row_number() over (partition by customer_id, version order by engagement_date desc nulls last) as rank
    from versioned
),

versions as (
    select
        *,
        lead(valid_from) over (partition by customer_id order by version) as valid_to
    from ranked
    where rank = 1
)

select
    cast({{ surrogate_key(['customer_id', 'version']) }} as varchar) as customer_info_key,
    customer_id,
    customer_name as name,
    client_revenue as revenue_usd,
    employee_count,
    valid_from,
    valid_to,
    valid_to is null as is_current
from versions
