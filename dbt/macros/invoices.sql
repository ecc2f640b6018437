{#- CTEs `invoice_rows` and `newest_invoices`: the records of invoices, and of each number the one that counts today. A
    later load corrects an earlier one, and in one file the later record. -#}
{% macro newest_invoices() -%}
    invoice_rows as (
        select
            invoices.*,
            {{ clean_text('invoices.number') }} as invoice_number,
            coalesce(loads.publish_seq, 0) as publish_seq
        from {{ declared(source('bronze', 'drops__invoices')) }} as invoices
        inner join {{ source('ops', 'loads') }} as loads on invoices._load_id = loads.load_id
        where invoices._deleted_at is null
    ),

    ranked_invoices as (
        select
            *,
            count(*) over (partition by invoice_number) as versions,
            row_number() over (partition by invoice_number order by {{ newest_first('publish_seq') }}) as version_rank
        from invoice_rows
        where invoice_number is not null
    ),

    newest_invoices as (
        select *
        from ranked_invoices
        where version_rank = 1
    )
{%- endmacro %}

{#- Newest load first, and within a file the later record first. -#}
{% macro newest_first(publish_seq) -%}
    {{ publish_seq }} desc, {{ record_number() }} desc nulls last, _source_position desc, _load_id desc
{%- endmacro %}

{#- The number of a record in its file, of a position `path#n`. -#}
{% macro record_number(position='_source_position') -%}
    try_cast(split_part({{ position }}, '#', -1) as bigint)
{%- endmacro %}
