{% set order = date_order('bronze', 'crm__projects') %}
{% set statuses = var('project_statuses') | join("', '") %}

with source as (
    select
        id,
        cpm,
        name,
        rate,
        team,
        cpm_id,
        folder,
        status,
        product,
        quality,
        service,
        team_id,
        delivery,
        discount,
        timezone,
        team_type,
        dim_cpm_id,
        product_id,
        project_id,
        source_app,
        ad_estimate,
        customer_id,
        description,
        pm_estimate,
        sp_estimate,
        sub_service,
        max_estimate,
        min_estimate,
        staffing_version,
        date_project_ended,
        project_service_id,
        date_project_created,
        date_project_grabbed,
        date_project_started,
        date_project_updated,
        internal_description,
        is_critical_delivery,
        date_project_deadline,
        is_project_ai_enabled,
        date_project_submitted,
        is_submitted_from_internal,
        is_created_with_deliverables,
        is_critical_delivery_success
    from {{ source('bronze', 'crm__projects') }}
    where _deleted_at is null
),

{{ read_columns(
    'source',
    money={'rate': none},
    dates={
        'date_project_ended': order,
        'date_project_created': order,
        'date_project_grabbed': order,
        'date_project_started': order,
        'date_project_deadline': order,
        'date_project_submitted': order
    },
    hours=[
        'ad_estimate', 'pm_estimate', 'sp_estimate', 'max_estimate', 'min_estimate'
    ],
    shares=['discount'],
    booleans=[
        'is_critical_delivery', 'is_project_ai_enabled', 'is_submitted_from_internal',
        'is_created_with_deliverables', 'is_critical_delivery_success'
    ],
    ids=['customer_id', 'team_id'],
    texts=[
        'cpm', 'name', 'team', 'cpm_id', 'folder', 'status', 'product', 'quality', 'service', 'delivery',
        'timezone', 'team_type', 'dim_cpm_id', 'product_id', 'project_id', 'source_app', 'description',
        'sub_service', 'staffing_version', 'project_service_id', 'internal_description'
    ]
) }},

-- A project has a row for each of its services; the one that was updated last describes it.
ranked as (
    select
        *,
        {{ regex_replace("lower(status__value)", "[ _-]+", "_") }} as status_key,
        count(*) over (partition by project_id__value) as row_count,
        row_number() over (
            partition by project_id__value order by date_project_updated desc nulls last, id desc
        ) as rank
    from readings
    where project_id__value is not null
)

select
    cast(id as bigint) as id,
    cast(cpm__value as varchar) as cpm,
    cast(name__value as varchar) as name,
    rate__value as rate,
    cast(rate__raw as varchar) as rate_raw,
    cast(rate__issue as varchar) as rate_issue,
    cast(team__value as varchar) as team,
    cast(cpm_id__value as varchar) as cpm_id,
    cast(folder__value as varchar) as folder,
    cast(status__value as varchar) as status,
    cast(product__value as varchar) as product,
    cast(quality__value as varchar) as quality,
    cast(service__value as varchar) as service,
    team_id__value as team_id,
    cast(team_id__raw as varchar) as team_id_raw,
    cast(team_id__issue as varchar) as team_id_issue,
    cast(delivery__value as varchar) as delivery,
    discount__value as discount,
    cast(discount__raw as varchar) as discount_raw,
    cast(discount__issue as varchar) as discount_issue,
    cast(timezone__value as varchar) as timezone,
    cast(team_type__value as varchar) as team_type,
    cast(dim_cpm_id__value as varchar) as dim_cpm_id,
    cast(product_id__value as varchar) as product_id,
    cast(project_id__value as varchar) as project_id,
    cast(source_app__value as varchar) as source_app,
    ad_estimate__value as ad_estimate,
    cast(ad_estimate__raw as varchar) as ad_estimate_raw,
    cast(ad_estimate__issue as varchar) as ad_estimate_issue,
    customer_id__value as customer_id,
    cast(customer_id__raw as varchar) as customer_id_raw,
    cast(customer_id__issue as varchar) as customer_id_issue,
    cast(description__value as varchar) as description,
    pm_estimate__value as pm_estimate,
    cast(pm_estimate__raw as varchar) as pm_estimate_raw,
    cast(pm_estimate__issue as varchar) as pm_estimate_issue,
    sp_estimate__value as sp_estimate,
    cast(sp_estimate__raw as varchar) as sp_estimate_raw,
    cast(sp_estimate__issue as varchar) as sp_estimate_issue,
    cast(sub_service__value as varchar) as sub_service,
    max_estimate__value as max_estimate,
    cast(max_estimate__raw as varchar) as max_estimate_raw,
    cast(max_estimate__issue as varchar) as max_estimate_issue,
    min_estimate__value as min_estimate,
    cast(min_estimate__raw as varchar) as min_estimate_raw,
    cast(min_estimate__issue as varchar) as min_estimate_issue,
    cast(staffing_version__value as varchar) as staffing_version,
    date_project_ended__value as date_project_ended,
    cast(date_project_ended__raw as varchar) as date_project_ended_raw,
    cast(date_project_ended__issue as varchar) as date_project_ended_issue,
    cast(project_service_id__value as varchar) as project_service_id,
    date_project_created__value as date_project_created,
    cast(date_project_created__raw as varchar) as date_project_created_raw,
    cast(date_project_created__issue as varchar) as date_project_created_issue,
    date_project_grabbed__value as date_project_grabbed,
    cast(date_project_grabbed__raw as varchar) as date_project_grabbed_raw,
    cast(date_project_grabbed__issue as varchar) as date_project_grabbed_issue,
    date_project_started__value as date_project_started,
    cast(date_project_started__raw as varchar) as date_project_started_raw,
    cast(date_project_started__issue as varchar) as date_project_started_issue,
    date_project_updated,
    cast(internal_description__value as varchar) as internal_description,
    is_critical_delivery__value as is_critical_delivery,
    cast(is_critical_delivery__raw as varchar) as is_critical_delivery_raw,
    cast(is_critical_delivery__issue as varchar) as is_critical_delivery_issue,
    date_project_deadline__value as date_project_deadline,
    cast(date_project_deadline__raw as varchar) as date_project_deadline_raw,
    cast(date_project_deadline__issue as varchar) as date_project_deadline_issue,
    is_project_ai_enabled__value as is_project_ai_enabled,
    cast(is_project_ai_enabled__raw as varchar) as is_project_ai_enabled_raw,
    cast(is_project_ai_enabled__issue as varchar) as is_project_ai_enabled_issue,
    date_project_submitted__value as date_project_submitted,
    cast(date_project_submitted__raw as varchar) as date_project_submitted_raw,
    cast(date_project_submitted__issue as varchar) as date_project_submitted_issue,
    is_submitted_from_internal__value as is_submitted_from_internal,
    cast(is_submitted_from_internal__raw as varchar) as is_submitted_from_internal_raw,
    cast(is_submitted_from_internal__issue as varchar) as is_submitted_from_internal_issue,
    is_created_with_deliverables__value as is_created_with_deliverables,
    cast(is_created_with_deliverables__raw as varchar) as is_created_with_deliverables_raw,
    cast(is_created_with_deliverables__issue as varchar) as is_created_with_deliverables_issue,
    is_critical_delivery_success__value as is_critical_delivery_success,
    cast(is_critical_delivery_success__raw as varchar) as is_critical_delivery_success_raw,
    cast(is_critical_delivery_success__issue as varchar) as is_critical_delivery_success_issue,
    cast(rate__currency as varchar) as rate_currency,
    (
        date_project_ended__is_ambiguous
        or date_project_created__is_ambiguous
        or date_project_grabbed__is_ambiguous
        or date_project_started__is_ambiguous
        or date_project_deadline__is_ambiguous
        or date_project_submitted__is_ambiguous
    ) as is_date_ambiguous,
    coalesce(
        status_key in ('{{ statuses }}'),
        false
    ) as is_status_known,
    coalesce(date_project_ended__value < date_project_started__value, false) as is_ended_before_started,
    coalesce(date_project_deadline__value < date_project_created__value, false) as is_deadline_before_created,
    cast(row_count as bigint) as row_count
from ranked
where rank = 1
