{% set source_columns = [
    'event_id', 'sequence', 'event_type', 'occurred_at', 'customer_id', 'project_id', 'user_email', 'session_id',
    'properties', 'device'
] %}

with unidentified as (
    select events.*
    from {{ declared(source('bronze', 'drops__events')) }} as events
    where {{ clean_text('events.event_id') }} is null
)

select
    cast({{ surrogate_key(['_load_id', '_source_position']) }} as varchar) as quarantine_id,
    cast(_load_id as varchar) as load_id,
    cast('drops' as varchar) as source,
    cast('events' as varchar) as stream,
    cast(_source_position as varchar) as position,
    cast('event_unidentified' as varchar) as reason_code,
    cast('event_id is blank' as varchar) as reason,
    cast({{ json_text(source_columns) }} as varchar) as raw
from unidentified
