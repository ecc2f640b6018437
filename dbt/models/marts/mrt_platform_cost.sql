-- What is billed for an hour of a warehouse is shared out over its queries by the credits that each used, so that idle
-- time and cloud services are paid by who kept the warehouse awake and the sum is the bill.
with attributed as (
    select
        queries.query_id,
        queries.warehouse_name,
        {{ parsed_json('queries.query_tag') }} as tag,
        date_trunc('hour', cast(queries.start_time as timestamp with time zone)) as used_hour,
        cast(queries.credits_attributed_compute as double) as used
    from {{ account_usage('query_attribution_history') }} as queries
),

metered as (
    select
        warehouse_name,
        date_trunc('hour', cast(start_time as timestamp with time zone)) as billed_hour,
        sum(cast(credits_used as double)) as billed
    from {{ account_usage('warehouse_metering_history') }}
    group by warehouse_name, billed_hour
),

tagged as (
    select
        attributed.*,
        {{ instant_in(json_value('attributed.tag', ['slot'])) }} as slot,
        {{ json_value('attributed.tag', ['stream']) }} as stream,
        {{ json_value('attributed.tag', ['layer']) }} as layer,
        {{ json_value('attributed.tag', ['team']) }} as tagged_team,
        {{ regex_extract('texts.query_text', '"node_id": "model[.]hallmark[.]([a-z0-9_]+)"') }} as model
    from attributed
    left join {{ account_usage('query_history') }} as texts on attributed.query_id = texts.query_id
),

named as (
    select
        *,
        case
            when stream is not null then 'bronze.' || replace(stream, '.', '__')
            when layer is not null and model is not null then layer || '.' || replace(model, '__rejected', '')
            when layer is not null then layer
            else 'untagged'
        end as dataset,
        case when stream is not null then 'ingest' when layer is not null then 'transform' else 'other' end as flow
    from tagged
),

shared as (
    select
        metered.warehouse_name,
        named.query_id,
        named.slot,
        named.tagged_team,
        coalesce(named.dataset, 'idle') as dataset,
        coalesce(named.flow, 'other') as flow,
        metered.billed * coalesce(
            named.used
            / nullif(sum(named.used) over (partition by metered.warehouse_name, metered.billed_hour), 0),
            1.0 / count(*) over (partition by metered.warehouse_name, metered.billed_hour)
        ) as credits
    from metered
    left join named on metered.warehouse_name = named.warehouse_name and metered.billed_hour = named.used_hour
),

owned as (
    select
        *,
        coalesce(tagged_team, {{ team_of('dataset') }}, 'data-platform') as team
    from shared
)

select
    cast(warehouse_name as varchar) as warehouse,
    cast(dataset as varchar) as dataset,
    cast(flow as varchar) as flow,
    cast(team as varchar) as team,
    slot,
    cast(count(query_id) as bigint) as queries,
    cast(sum(credits) as numeric(38, 9)) as credits,
    cast(sum(credits) * {{ var('credit_price_usd') }} as numeric(38, 6)) as cost_usd
from owned
group by warehouse_name, dataset, flow, team, slot
