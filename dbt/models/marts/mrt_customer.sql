with customers as (
    select * from {{ ref('dim_customer') }}
),

engagements as (
    select
        customer_key,
        count(*) as engagements,
        sum(revenue_usd) as total_revenue,
        avg(revenue_usd) as avg_engagement_revenue
    from {{ ref('fct_engagement') }}
    group by customer_key
),

projects as (
    select
        customer_key,
        count(*) as projects,
        max(date_project_updated) as last_project_update
    from {{ ref('dim_project') }}
    where customer_key is not null
    group by customer_key
),

used as (
    select
        dim_project.customer_key,
        count(distinct services.product) as products,
        count(distinct services.sub_service) as sub_services
    from {{ ref('slv_project_services') }} as services
    inner join {{ ref('dim_project') }} as dim_project on services.project_id = dim_project.project_id
    where dim_project.customer_key is not null
    group by dim_project.customer_key
),

events as (
    select
        customer_id,
        max(occurred_at) as last_event_at
    from {{ declared(ref('slv_events')) }}
    group by customer_id
),

invoices as (
    select
        customer_key,
        sum(case when is_open then 1 else 0 end) as open_invoices,
        sum(invoiced_usd) as invoiced_total
    from {{ declared(ref('fct_invoice')) }}
    group by customer_key
),

mails as (
    select
        customer_id,
        count(distinct document_id) as mails
    from {{ declared(ref('slv_documents')) }}
    where kind = 'mail' and is_current
    group by customer_id
)

select
    customers.customer_id,
    cast(engagements.total_revenue as numeric(38, 2)) as total_revenue,
    cast(engagements.avg_engagement_revenue as numeric(38, 2)) as avg_engagement_revenue,
    customers.employee_count,
    cast(coalesce(projects.projects, 0) as bigint) as projects,
    cast(coalesce(used.products, 0) as bigint) as products,
    cast(coalesce(used.sub_services, 0) as bigint) as sub_services,
    projects.last_project_update,
    cast(coalesce(engagements.engagements, 0) as bigint) as engagements,
    events.last_event_at,
    cast(coalesce(invoices.open_invoices, 0) as bigint) as open_invoices,
    cast(invoices.invoiced_total as numeric(38, 2)) as invoiced_total,
    cast(coalesce(mails.mails, 0) as bigint) as mails
from customers
left join engagements on customers.customer_key = engagements.customer_key
left join projects on customers.customer_key = projects.customer_key
left join used on customers.customer_key = used.customer_key
left join events on customers.customer_id = events.customer_id
left join invoices on customers.customer_key = invoices.customer_key
left join mails on customers.customer_id = mails.customer_id
