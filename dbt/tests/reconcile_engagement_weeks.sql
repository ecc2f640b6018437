-- What happened with a known customer on a known day is in its week, and nothing else is.
with events as (
    select count(*) as events
    from {{ declared(ref('slv_events')) }} as known
    inner join {{ ref('dim_customer') }} as customers on known.customer_id = customers.customer_id
    where known.occurred_at is not null
),

invoices as (
    select
        count(*) as invoices,
        coalesce(sum(invoiced_usd), 0) as invoiced_usd
    from {{ declared(ref('fct_invoice')) }}
    where customer_key is not null and issued_date is not null
),

mails as (
    select count(distinct documents.document_id || '|' || cast(documents.customer_id as varchar)) as mails
    from {{ declared(ref('slv_documents')) }} as documents
    inner join {{ ref('dim_customer') }} as customers on documents.customer_id = customers.customer_id
    where documents.kind = 'mail' and documents.is_current
),

weeks as (
    select
        coalesce(sum(events), 0) as events,
        coalesce(sum(invoices), 0) as invoices,
        coalesce(sum(invoiced_usd), 0) as invoiced_usd
    from {{ declared(ref('mrt_client_engagement')) }}
),

by_customer as (
    select coalesce(sum(mails), 0) as mails
    from {{ ref('mrt_customer') }}
)

select
    events.events,
    invoices.invoices,
    invoices.invoiced_usd,
    mails.mails,
    weeks.events as events_in_weeks,
    weeks.invoices as invoices_in_weeks,
    weeks.invoiced_usd as invoiced_in_weeks,
    by_customer.mails as mails_by_customer
from events
cross join invoices
cross join mails
cross join weeks
cross join by_customer
where
    events.events <> weeks.events or invoices.invoices <> weeks.invoices
    or invoices.invoiced_usd <> weeks.invoiced_usd or mails.mails <> by_customer.mails
