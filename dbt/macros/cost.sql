{#- The last cost_days of a view of snowflake.account_usage, or the seed of sample rows that stands in for it. -#}
{% macro account_usage(view) -%}
    {%- if var('account_usage') -%}
        (select * from {{ source('account_usage', view) }} where start_time >= {{ add_days(slot_date(), '-' ~ var('cost_days')) }})
    {%- else -%}
        {{ ref('sample_' ~ view) }}
    {%- endif -%}
{%- endmacro %}

{#- The team that owns a model, by its name with the layer: its group. -#}
{% macro team_of(dataset) -%}
    case {{ dataset }}
        {%- for node in (graph.nodes.values() if execute else []) | sort(attribute='name') if node.resource_type == 'model' and node.config.group %}
        when '{{ (node.schema | lower).removesuffix("__audit") }}.{{ node.name }}' then '{{ node.config.group }}'
        {%- endfor %}
        when '' then null
    end
{%- endmacro %}

{#- Text that may be JSON as `json_value` takes it; NULL where it is none. -#}
{% macro parsed_json(text) -%}
    {{ return(adapter.dispatch('parsed_json', 'hallmark')(text)) }}
{%- endmacro %}

{% macro duckdb__parsed_json(text) -%}
    try_cast({{ text }} as json)
{%- endmacro %}

{% macro snowflake__parsed_json(text) -%}
    try_parse_json({{ text }})
{%- endmacro %}
