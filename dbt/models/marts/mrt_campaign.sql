-- Last click: an engagement or project is owed, whole, to the last campaign click of its customer that is not after its
-- day and not more than `attribution_days` before it.
with clicks as (
    select
        event_id,
        customer_id,
        session_id,
        coalesce(campaign_id, 'unknown') as campaign,
        coalesce(campaign_medium, 'unknown') as medium,
        occurred_at,
        {{ utc_date('occurred_at') }} as click_date
    from {{ ref('slv_events') }}
    where event_type = 'campaign_click'
),

outcomes as (
    select
        'engagement' as kind,
        engagements.engagement_key as outcome_key,
        customers.customer_id,
        engagements.engagement_date as outcome_date,
        engagements.revenue_usd
    from {{ ref('fct_engagement') }} as engagements
    inner join {{ ref('dim_customer') }} as customers on engagements.customer_key = customers.customer_key
    union all
    select
        'project' as kind,
        projects.project_key as outcome_key,
        projects.customer_id,
        projects.date_project_created as outcome_date,
        cast(null as numeric(38, 2)) as revenue_usd
    from {{ declared(ref('dim_project')) }} as projects
    where projects.customer_key is not null
),

candidates as (
    select
        outcomes.kind,
        outcomes.outcome_key,
        outcomes.customer_id,
        outcomes.revenue_usd,
        clicks.campaign,
        clicks.medium,
        row_number() over (
            partition by outcomes.kind, outcomes.outcome_key order by clicks.occurred_at desc, clicks.event_id desc
        ) as rank
    from outcomes
    inner join clicks
        on
            outcomes.customer_id = clicks.customer_id
            and outcomes.outcome_date >= clicks.click_date
            and {{ add_days('outcomes.outcome_date', '-' ~ var('attribution_days')) }} <= clicks.click_date
),

owed as (
    select
        campaign,
        medium,
        count(distinct customer_id) as engaged_customers,
        sum(case when kind = 'engagement' then 1 else 0 end) as engagements,
        sum(case when kind = 'project' then 1 else 0 end) as projects,
        sum(revenue_usd) as revenue_usd
    from candidates
    where rank = 1
    group by campaign, medium
),

clicked as (
    select
        campaign,
        medium,
        count(*) as clicks,
        count(distinct session_id) as sessions,
        count(distinct customer_id) as customers,
        min(occurred_at) as first_click_at,
        max(occurred_at) as last_click_at
    from clicks
    group by campaign, medium
)

select
    cast(clicked.campaign as varchar) as campaign_id,
    cast(clicked.medium as varchar) as medium,
    cast(clicked.clicks as bigint) as clicks,
    cast(clicked.sessions as bigint) as sessions,
    cast(clicked.customers as bigint) as customers,
    cast(coalesce(owed.engaged_customers, 0) as bigint) as engaged_customers,
    cast(coalesce(owed.engagements, 0) as bigint) as engagements,
    cast(coalesce(owed.projects, 0) as bigint) as projects,
    cast(coalesce(owed.revenue_usd, 0) as numeric(38, 2)) as revenue_usd,
    clicked.first_click_at,
    clicked.last_click_at
from clicked
left join owed on clicked.campaign = owed.campaign and clicked.medium = owed.medium
