-- What has no customer, or no date, is in no week; the reconciling test counts it.
with customers as (
    select
        customer_id,
        customer_key
    from {{ ref('dim_customer') }}
),

dated_events as (
    select
        *,
        {{ utc_date('occurred_at') }} as event_date
    from {{ declared(ref('slv_events')) }}
    where customer_id is not null and occurred_at is not null
),

events as (
    select
        customer_id,
        {{ start_of('week', 'event_date') }} as week_start,
        count(*) as events,
        count(distinct event_date) as active_days,
        count(distinct session_id) as sessions,
        sum(case when event_type = 'brief_submitted' then 1 else 0 end) as brief_submitted
    from dated_events
    group by customer_id, week_start
),

dated_documents as (
    select
        *,
        {{ utc_date('received_at') }} as received_date
    from {{ declared(ref('slv_documents')) }}
    where customer_id is not null and received_at is not null and is_current
),

documents as (
    select
        customer_id,
        {{ start_of('week', 'received_date') }} as week_start,
        count(distinct case when kind = 'mail' then document_id end) as mails,
        count(distinct case when kind <> 'mail' then document_id end) as documents
    from dated_documents
    group by customer_id, week_start
),

invoices as (
    select
        customers.customer_id,
        {{ start_of('week', 'known_invoices.issued_date') }} as week_start,
        count(*) as invoices,
        sum(known_invoices.invoiced_usd) as invoiced_usd,
        sum(case when known_invoices.status = 'paid' then 1 else 0 end) as paid_invoices,
        sum(case when known_invoices.is_open then 1 else 0 end) as open_invoices,
        sum(case when known_invoices.is_overdue then 1 else 0 end) as overdue_invoices
    from {{ declared(ref('fct_invoice')) }} as known_invoices
    inner join customers on known_invoices.customer_key = customers.customer_key
    where known_invoices.issued_date is not null
    group by customers.customer_id, week_start
),

weeks as (
    select
        customer_id,
        week_start
    from events
    union distinct
    select
        customer_id,
        week_start
    from documents
    union distinct
    select
        customer_id,
        week_start
    from invoices
)

select
    customers.customer_id,
    weeks.week_start,
    {% for name in ['events', 'active_days', 'sessions', 'brief_submitted'] -%}
        cast(coalesce(events.{{ name }}, 0) as bigint) as {{ name }},
    {% endfor -%}
    cast(coalesce(documents.mails, 0) as bigint) as mails,
    cast(coalesce(documents.documents, 0) as bigint) as documents,
    cast(coalesce(invoices.invoices, 0) as bigint) as invoices,
    cast(coalesce(invoices.invoiced_usd, 0) as numeric(38, 2)) as invoiced_usd,
    cast(coalesce(invoices.paid_invoices, 0) as bigint) as paid_invoices,
    cast(coalesce(invoices.open_invoices, 0) as bigint) as open_invoices,
    cast(coalesce(invoices.overdue_invoices, 0) as bigint) as overdue_invoices
from weeks
inner join customers on weeks.customer_id = customers.customer_id
left join events on weeks.customer_id = events.customer_id and weeks.week_start = events.week_start
left join documents on weeks.customer_id = documents.customer_id and weeks.week_start = documents.week_start
left join invoices on weeks.customer_id = invoices.customer_id and weeks.week_start = invoices.week_start
