with source as (
    select
        id,
        project_id,
        project_service_id,
        product,
        product_id,
        service,
        sub_service,
        date_project_updated
    from {{ source('bronze', 'crm__projects') }}
    where _deleted_at is null
),

{{ read_columns(
    'source',
    texts=['project_id', 'project_service_id', 'product', 'product_id', 'service', 'sub_service']
) }},

ranked as (
    select
        *,
        row_number() over (
            partition by project_id__value, project_service_id__value
            order by date_project_updated desc nulls last, id desc
        ) as rank
    from readings
    where project_id__value is not null
)

select
    cast({{ surrogate_key(['project_id__value', 'project_service_id__value']) }} as varchar) as project_service_key,
    cast(project_id__value as varchar) as project_id,
    cast(project_service_id__value as varchar) as project_service_id,
    cast(product__value as varchar) as product,
    cast(product_id__value as varchar) as product_id,
    cast(service__value as varchar) as service,
    cast(sub_service__value as varchar) as sub_service
from ranked
where rank = 1
