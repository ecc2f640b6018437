{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='event_id',
    on_schema_change='fail',
    full_refresh=build_in_full()
) }}

{% set types = var('event_types') | join("', '") %}

with source as (
    select
        events.event_id,
        events.sequence,
        try_cast(events.sequence as numeric(38, 18)) as sequence__exact,
        events.event_type,
        events.occurred_at,
        events.customer_id,
        events.project_id,
        events.user_email,
        events.session_id,
        {{ json_value('events.properties', ['page']) }} as page,
        {{ json_value('events.properties', ['duration_ms']) }} as duration_ms,
        {{ json_number('events.properties', ['duration_ms']) }} as duration_ms__exact,
        {{ json_value('events.properties', ['amount']) }} as amount,
        {{ json_number('events.properties', ['amount']) }} as amount__exact,
        {{ json_value('events.properties', ['campaign', 'id']) }} as campaign_id,
        {{ json_value('events.properties', ['campaign', 'medium']) }} as campaign_medium,
        {{ json_value('events.device', ['os']) }} as device_os,
        {{ json_value('events.device', ['model']) }} as device_model,
        events._load_id,
        events._source_position,
        coalesce(loads.publish_seq, 0) as publish_seq
    from {{ declared(source('bronze', 'drops__events')) }} as events
    inner join {{ source('ops', 'loads') }} as loads on events._load_id = loads.load_id
    {% if is_incremental() %}
        where {{ in_new_loads('events._load_id') }}
    {% endif %}
),

{{ read_columns(
    'source',
    ids=['customer_id'],
    times=['occurred_at'],
    numbers={'sequence': 0, 'duration_ms': 3, 'amount': 6},
    texts=[
        'event_id', 'event_type', 'project_id', 'user_email', 'session_id', 'page', 'campaign_id', 'campaign_medium',
        'device_os', 'device_model'
    ]
) }},

-- An event that came more than once, as repeated lines and corrected files bring it, counts as it came last.
ranked as (
    select
        *,
        {{ regex_replace("lower(event_type__value)", "[ _-]+", "_") }} as type_key,
        count(*) over (partition by event_id__value) as copies,
        row_number() over (partition by event_id__value order by {{ newest_first('publish_seq') }}) as rank
    from readings
    where event_id__value is not null
)

select
    cast(ranked.event_id__value as varchar) as event_id,
    ranked.sequence__value as sequence,
    cast(ranked.sequence__raw as varchar) as sequence_raw,
    cast(ranked.sequence__issue as varchar) as sequence_issue,
    cast(ranked.type_key as varchar) as event_type,
    coalesce(ranked.type_key in ('{{ types }}'), false) as is_type_known,
    ranked.occurred_at__value as occurred_at,
    cast(ranked.occurred_at__raw as varchar) as occurred_at_raw,
    cast(ranked.occurred_at__issue as varchar) as occurred_at_issue,
    ranked.customer_id__value as customer_id,
    cast(ranked.customer_id__raw as varchar) as customer_id_raw,
    cast(ranked.customer_id__issue as varchar) as customer_id_issue,
    cast(ranked.project_id__value as varchar) as project_id,
    cast(lower(ranked.user_email__value) as varchar) as user_email,
    cast(ranked.session_id__value as varchar) as session_id,
    cast(ranked.page__value as varchar) as page,
    ranked.duration_ms__value as duration_ms,
    cast(ranked.duration_ms__raw as varchar) as duration_ms_raw,
    cast(ranked.duration_ms__issue as varchar) as duration_ms_issue,
    ranked.amount__value as amount,
    cast(ranked.amount__raw as varchar) as amount_raw,
    cast(ranked.amount__issue as varchar) as amount_issue,
    cast(ranked.campaign_id__value as varchar) as campaign_id,
    cast(lower(ranked.campaign_medium__value) as varchar) as campaign_medium,
    cast(ranked.device_os__value as varchar) as device_os,
    cast(ranked.device_model__value as varchar) as device_model,
    {% if is_incremental() %}
        cast(ranked.copies - 1 + coalesce(known.repeats_dropped + 1, 0) as bigint) as repeats_dropped,
    {% else %}
        cast(ranked.copies - 1 as bigint) as repeats_dropped,
    {% endif %}
    cast(ranked.publish_seq as bigint) as _publish_seq,
    {{ slot() }} as _slot
from ranked
{% if is_incremental() %}
    left join {{ this }} as known on ranked.event_id__value = known.event_id
{% endif %}
where ranked.rank = 1
