-- Every record of bronze is an invoice, an older version of one, or rejected; every line of an invoice that counts is
-- there; and the totals that bronze holds as plain numbers of dollars are those of the facts, to the cent.
with records as (
    select
        invoices._load_id,
        invoices._source_position,
        invoices.currency,
        invoices.total,
        {{ clean_text('invoices.number') }} as invoice_number
    from {{ declared(source('bronze', 'drops__invoices')) }} as invoices
    where invoices._deleted_at is null
),

plain as (
    select
        records.invoice_number,
        try_cast(trim(records.total) as numeric(38, 2)) as total
    from records
    inner join {{ declared(ref('slv_invoices')) }} as newest
        on records._load_id = newest._load_id and records._source_position = newest._source_position
    where {{ regex_matches("trim(records.total)", "[0-9]{1,12}[.][0-9]{2}") }} and upper(trim(records.currency)) = 'USD'
),

sums as (
    select
        (select count(*) from records) as in_bronze,
        (
            select count(*)
            from records
            where invoice_number is null
        ) as rejected,
        (select count(*) from {{ declared(ref('slv_invoices')) }}) as in_silver,
        (select coalesce(sum(versions_superseded), 0) from {{ declared(ref('slv_invoices')) }}) as superseded,
        (select count(*) from {{ declared(ref('fct_invoice')) }}) as in_facts,
        (select coalesce(sum(line_count), 0) from {{ declared(ref('slv_invoices')) }}) as lines_counted,
        (
            select count(*)
            from {{ declared(source('bronze', 'drops__invoices__line')) }} as lines
            inner join {{ declared(ref('slv_invoices')) }} as newest
                on lines._parent_load_id = newest._load_id and lines._parent_id = newest._source_position
        ) as lines_in_bronze,
        (select coalesce(sum(total), 0) from plain) as plain_in_bronze,
        (
            select coalesce(sum(facts.total_usd), 0)
            from {{ declared(ref('fct_invoice')) }} as facts
            inner join plain on facts.invoice_number = plain.invoice_number
        ) as plain_in_facts,
        (
            select coalesce(sum(invoiced_usd), 0)
            from {{ declared(ref('fct_invoice')) }}
            where customer_key is not null
        ) as of_customers,
        (select coalesce(sum(invoiced_total), 0) from {{ ref('mrt_customer') }}) as in_customers
)

select *
from sums
where
    in_bronze <> in_silver + superseded + rejected or in_silver <> in_facts or lines_counted <> lines_in_bronze
    or plain_in_bronze <> plain_in_facts or of_customers <> in_customers
