{% set source_columns = [
    'number', 'currency', 'status', 'issued', 'due', 'customer_id', 'customer_name', 'project', 'total'
] %}

with unidentified as (
    select invoices.*
    from {{ declared(source('bronze', 'drops__invoices')) }} as invoices
    where invoices._deleted_at is null and {{ clean_text('invoices.number') }} is null
)

select
    cast({{ surrogate_key(['_load_id', '_source_position']) }} as varchar) as quarantine_id,
    cast(_load_id as varchar) as load_id,
    cast('drops' as varchar) as source,
    cast('invoices' as varchar) as stream,
    cast(_source_position as varchar) as position,
    cast('invoice_unidentified' as varchar) as reason_code,
    cast('number is blank' as varchar) as reason,
    cast({{ json_text(source_columns) }} as varchar) as raw
from unidentified
