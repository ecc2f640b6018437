{#- dbt's `grants` are for the published table, not for the build under audit, which nobody else reads. What is new gets
    them when it is published, after its masks: see blocks/warehouses/snowflake_policies.py. -#}
{% macro snowflake__apply_grants(relation, grant_config, should_revoke=true) -%}
    {%- if grant_config -%}
        {%- set published = adapter.get_relation(
            relation.database, (relation.schema | lower).removesuffix('__audit'), relation.identifier) -%}
        {%- if published -%}{%- do default__apply_grants(published, grant_config, true) -%}{%- endif -%}
    {%- endif -%}
{%- endmacro %}
