-- Every record of bronze is an event, a repeat of one, or rejected; every click is in a campaign.
with counts as (
    select
        (select count(*) from {{ declared(source('bronze', 'drops__events')) }}) as in_bronze,
        (select count(*) from {{ declared(ref('slv_events')) }}) as events,
        (select coalesce(sum(repeats_dropped), 0) from {{ declared(ref('slv_events')) }}) as repeats,
        (
            select count(*)
            from {{ declared(source('bronze', 'drops__events')) }} as records
            where {{ clean_text('records.event_id') }} is null
        ) as rejected,
        (
            select count(*)
            from {{ declared(ref('slv_events')) }} as events
            where events.event_type = 'campaign_click'
        ) as clicks,
        (select coalesce(sum(clicks), 0) from {{ declared(ref('mrt_campaign')) }}) as in_campaigns
)

select *
from counts
where in_bronze <> events + repeats + rejected or clicks <> in_campaigns
