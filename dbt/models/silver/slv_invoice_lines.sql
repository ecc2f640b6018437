with {{ newest_invoices() }},

source as (
    select
        newest_invoices.invoice_number,
        newest_invoices.currency,
        lines.no,
        lines.service,
        lines.description,
        lines.quantity,
        lines.price,
        lines.amount,
        lines._load_id,
        lines._source_position,
        lines._index
    from {{ declared(source('bronze', 'drops__invoices__line')) }} as lines
    inner join newest_invoices
        on lines._parent_load_id = newest_invoices._load_id and lines._parent_id = newest_invoices._source_position
),

{{ read_columns(
    'source',
    money={'price': 'currency', 'amount': 'currency'},
    hours=['quantity'],
    texts=['no', 'service', 'description']
) }},

-- Beyond these sizes a product has no place in a decimal of 38 digits.
multiplied as (
    select
        *,
        case
            when quantity__value < 1000000000 and abs(price__amount) < 1000000000000
                then round(cast(quantity__value as numeric(13, 4)) * cast(price__amount as numeric(18, 6)), 2)
        end as product
    from readings
)

select
    cast({{ surrogate_key(['_load_id', '_source_position']) }} as varchar) as invoice_line_key,
    cast(invoice_number as varchar) as invoice_number,
    cast(_index as bigint) as line_index,
    cast(no__value as varchar) as line_number,
    cast(service__value as varchar) as service,
    cast(description__value as varchar) as description,
    quantity__value as quantity,
    cast(quantity__raw as varchar) as quantity_raw,
    cast(quantity__issue as varchar) as quantity_issue,
    {% for column in ['price', 'amount'] -%}
        cast({{ column }}__amount as numeric(38, 6)) as {{ column }},
        cast(case when {{ column }}__unread is not null then {{ column }} end as varchar) as {{ column }}_raw,
        cast({{ column }}__unread as varchar) as {{ column }}_issue,
    {% endfor -%}
    product = amount__amount as is_amount_matching
from multiplied
