-- Revenue is owed to campaigns once, and only revenue of customers who clicked.
with sums as (
    select
        (select coalesce(sum(revenue_usd), 0) from {{ declared(ref('mrt_campaign')) }}) as owed,
        (select coalesce(sum(engagements), 0) from {{ declared(ref('mrt_campaign')) }}) as engagements_owed,
        (
            select coalesce(sum(engagements.revenue_usd), 0)
            from {{ ref('fct_engagement') }} as engagements
            where engagements.customer_key in (
                select customers.customer_key
                from {{ ref('dim_customer') }} as customers
                inner join {{ declared(ref('slv_events')) }} as events on customers.customer_id = events.customer_id
                where events.event_type = 'campaign_click'
            ) and engagements.revenue_usd > 0
        ) as of_clickers,
        (select count(*) from {{ ref('fct_engagement') }}) as engagements
)

select *
from sums
where owed > of_clickers or engagements_owed > engagements
