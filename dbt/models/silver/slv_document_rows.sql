{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='document_row_key',
    on_schema_change='fail',
    full_refresh=build_in_full()
) }}

with source as (
    select
        documents.document_id,
        documents.path,
        documents.media_type,
        documents.title,
        documents.author,
        documents.created_at,
        documents.page_count,
        documents.language,
        documents.text,
        documents.parent,
        documents.status,
        documents._load_id,
        documents._source_position,
        coalesce(loads.publish_seq, 0) as publish_seq
    from {{ declared(source('bronze', 'mailroom__mail')) }} as documents
    inner join {{ source('ops', 'loads') }} as loads on documents._load_id = loads.load_id
    {% if is_incremental() %}
        where {{ in_new_loads('documents._load_id') }}
    {% endif %}
),

{{ read_columns('source', texts=['title', 'author', 'language']) }},

-- The text is looked through here, once, and goes no further.
found as (
    select
        *,
        {{ document_kind('media_type') }} as kind,
        {{ mail_address('author__value') }} as address,
        coalesce({{ project_named_in('title') }}, {{ project_named_in('text') }}) as project
    from readings
)

select
    cast({{ surrogate_key(['_load_id', '_source_position']) }} as varchar) as document_row_key,
    cast(document_id as varchar) as document_id,
    cast(path as varchar) as path,
    cast(parent as varchar) as parent,
    cast(kind as varchar) as kind,
    cast(media_type as varchar) as media_type,
    cast(title__value as varchar) as title,
    cast(case when kind = 'mail' then address end as varchar) as sender,
    try_cast(
        {{ regex_extract("case when kind = 'mail' then address end", var('customer_address_pattern')) }} as bigint
    ) as sender_customer_id,
    cast(project as varchar) as project_id,
    cast(created_at as timestamp with time zone) as created_at,
    cast(page_count as bigint) as page_count,
    cast(language__value as varchar) as language,
    cast(status as varchar) as status,
    coalesce(length(trim(text)) > 0, false) as has_text,
    cast(_load_id as varchar) as _load_id,
    cast(publish_seq as bigint) as _publish_seq,
    {{ slot() }} as _slot
from found
