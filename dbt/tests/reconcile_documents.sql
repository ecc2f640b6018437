-- Every document of bronze is in silver, once for each place where it was found.
with counts as (
    select
        (select count(*) from {{ declared(source('bronze', 'mailroom__mail')) }}) as in_bronze,
        (select count(*) from {{ declared(ref('slv_document_rows')) }}) as in_rows,
        (select count(*) from {{ declared(ref('slv_documents')) }}) as in_silver
)

select *
from counts
where in_bronze <> in_rows or in_rows <> in_silver
