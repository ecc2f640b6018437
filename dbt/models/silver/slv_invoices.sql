{% set order = date_order('bronze', 'drops__invoices') %}
{% set statuses = var('invoice_statuses') | join("', '") %}

with {{ newest_invoices() }},

{{ read_columns(
    'newest_invoices',
    money={'total': 'currency'},
    dates={'issued': order, 'due': order},
    ids=['customer_id'],
    texts=['currency', 'status', 'customer_name', 'project']
) }},

lines as (
    select
        invoice_number,
        count(*) as line_count,
        sum(amount) as amount,
        max(case when amount is null then 1 else 0 end) as has_unknown
    from {{ declared(ref('slv_invoice_lines')) }}
    group by invoice_number
),

-- The invoice's own currency decides; where it says none, what stands beside the total, and a bare number is dollars.
stated as (
    select
        readings.*,
        lower(readings.status__value) as status_key,
        upper(coalesce(readings.currency__value, readings.total__currency)) as currency_code,
        coalesce(lines.line_count, 0) as line_count,
        case when coalesce(lines.has_unknown, 0) = 0 then coalesce(lines.amount, 0) end as lines_total
    from readings
    left join lines on readings.invoice_number = lines.invoice_number
)

select
    cast(invoice_number as varchar) as invoice_number,
    cast(status_key as varchar) as status,
    coalesce(status_key in ('{{ statuses }}'), false) as is_status_known,
    customer_id__value as customer_id,
    cast(customer_id__raw as varchar) as customer_id_raw,
    cast(customer_id__issue as varchar) as customer_id_issue,
    cast(customer_name__value as varchar) as customer_name,
    cast(project__value as varchar) as project_id,
    issued__value as issued,
    cast(issued__raw as varchar) as issued_raw,
    cast(issued__issue as varchar) as issued_issue,
    due__value as due,
    cast(due__raw as varchar) as due_raw,
    cast(due__issue as varchar) as due_issue,
    issued__is_ambiguous or due__is_ambiguous as is_date_ambiguous,
    cast(currency_code as varchar) as currency,
    cast(total__amount as numeric(38, 6)) as total,
    cast(case when total__unread is not null then total end as varchar) as total_raw,
    cast(total__unread as varchar) as total_issue,
    case
        when total__is_usd and coalesce(currency_code, 'USD') in ('USD', 'US$', 'US $', '$')
            then cast(total__amount as numeric(38, 2))
    end as total_usd,
    cast(line_count as bigint) as line_count,
    cast(lines_total as numeric(38, 6)) as lines_total,
    cast(total__amount as numeric(38, 6)) = cast(lines_total as numeric(38, 6)) as is_total_matching,
    cast(versions - 1 as bigint) as versions_superseded,
    cast(_load_id as varchar) as _load_id,
    cast(_source_position as varchar) as _source_position
from stated
