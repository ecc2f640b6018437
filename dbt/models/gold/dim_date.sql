-- Every day from the first of January of the oldest date in the facts to the end of the newest one's year.
with dates as (
    select engagement_date as date_day from {{ ref('fct_engagement') }}
    union all
    select date_created from {{ ref('fct_project') }}
    union all
    select date_started from {{ ref('fct_project') }}
    union all
    select date_deadline from {{ ref('fct_project') }}
    union all
    select date_ended from {{ ref('fct_project') }}
    union all
    select work_date from {{ ref('slv_time_entries') }}
    union all
    select issued_date from {{ declared(ref('fct_invoice')) }}
    union all
    select due_date from {{ declared(ref('fct_invoice')) }}
    union all
    select {{ utc_date('occurred_at') }} as event_date from {{ declared(ref('slv_events')) }}
    union all
    select {{ utc_date('received_at') }} as received_date from {{ declared(ref('slv_documents')) }}
    union all
    select {{ slot_date() }}
),

bounds as (
    select
        {{ start_of('year', 'min(date_day)') }} as first_day,
        extract(year from max(date_day)) as last_year
    from dates
    where date_day between cast('1900-01-01' as date) and cast('2100-12-31' as date)
),

digits as (
    select 0 as digit
    {% for digit in range(1, 10) -%}
        union all
        select {{ digit }}
    {% endfor %}
),

numbers as (
    select
        (
            ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit + 10000 * myriads.digit
        ) as number
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as myriads
),

days as (
    select {{ add_days('bounds.first_day', 'numbers.number') }} as date_day
    from numbers
    inner join bounds
        on extract(year from {{ add_days('bounds.first_day', 'numbers.number') }}) <= bounds.last_year
)

select
    date_day,
    cast(extract(year from date_day) as integer) as year,
    cast(extract(quarter from date_day) as integer) as quarter,
    cast(extract(month from date_day) as integer) as month,
    cast(extract(day from date_day) as integer) as day_of_month,
    {{ start_of('week', 'date_day') }} as week_start,
    cast({{ days_between(start_of('week', 'date_day'), 'date_day') }} + 1 as integer) as day_of_week,
    {{ days_between(start_of('week', 'date_day'), 'date_day') }} >= 5 as is_weekend
from days
