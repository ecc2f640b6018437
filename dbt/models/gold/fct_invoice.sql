with invoices as (
    select * from {{ ref('slv_invoices') }}
),

customers as (
    select
        customer_id,
        customer_key
    from {{ ref('dim_customer') }}
),

projects as (
    select
        project_id,
        customer_key
    from {{ declared(ref('dim_project')) }}
),

-- An invoice that names no customer is its project's customer's; one that names another is not corrected.
placed as (
    select
        invoices.*,
        case
            when invoices.customer_id is null then projects.customer_key else customers.customer_key
        end as customer_key,
        invoices.customer_id is null and projects.customer_key is not null as is_customer_by_project,
        invoices.customer_id is not null and customers.customer_key is null as is_customer_unknown,
        coalesce(invoices.status in ('open', 'overdue'), false) as is_open
    from invoices
    left join customers on invoices.customer_id = customers.customer_id
    left join projects on invoices.project_id = projects.project_id
)

select
    cast({{ surrogate_key(['invoice_number']) }} as varchar) as invoice_key,
    invoice_number,
    cast(customer_key as varchar) as customer_key,
    is_customer_by_project,
    is_customer_unknown,
    project_id,
    status,
    is_open,
    is_open and (status = 'overdue' or coalesce(due < {{ slot_date() }}, false)) as is_overdue,
    coalesce(status = 'void', false) as is_void,
    issued as issued_date,
    due as due_date,
    is_date_ambiguous,
    cast(
        case when is_open then greatest(coalesce({{ days_between('due', slot_date()) }}, 0), 0) end as integer
    ) as days_overdue,
    currency,
    total,
    total_usd,
    case when status = 'void' then null else total_usd end as invoiced_usd,
    line_count,
    lines_total,
    is_total_matching
from placed
