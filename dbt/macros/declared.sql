{#- A relation that may not be there yet, or that lacks columns which no record has had so far: what is declared of it,
    with NULL in the place of what the warehouse does not have. Sources that not everybody has (a mailroom, invoices)
    are read through it, and so are models that are skipped without them; the reading model names those in its YAML,
    `meta: {optional: [...]}`, so that it is not skipped with them. The columns need a `data_type`. -#}
{% macro declared(relation) -%}
    {%- if not execute or not flags.INTROSPECT -%}{{ return(relation) }}{%- endif -%}
    {%- set wanted = declared_columns(relation) -%}
    {%- set found = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
    {%- set there = [] -%}
    {%- if found is not none -%}
        {%- for column in adapter.get_columns_in_relation(found) -%}{%- do there.append(column.name | lower) -%}{%- endfor -%}
    {%- endif -%}
    {%- if wanted.keys() | reject('in', there) | list | length == 0 -%}{{ return(relation) }}{%- endif -%}
    (
        select
            {%- for name, type in wanted.items() %}
            {{ name if name in there else "cast(null as " ~ column_type(type) ~ ") as " ~ name }}{{ "," if not loop.last }}
            {%- endfor %}
        {{ "from " ~ relation if found is not none else "where 1 = 0" }}
    )
{%- endmacro %}

{#- column → type, as the YAML of a source's table or of a model says. -#}
{% macro declared_columns(relation) -%}
    {%- for node in (graph.sources.values() | list) + (graph.nodes.values() | list)
        if node.resource_type in ('source', 'model')
        and node.schema | lower == relation.schema | lower
        and (node.identifier or node.alias) | lower == relation.identifier | lower -%}
        {%- set types = {} -%}
        {%- for column in node.columns.values() -%}
            {%- if not column.data_type -%}
                {{ exceptions.raise_compiler_error(node.name ~ "." ~ column.name ~ " has no data_type, which declared() needs") }}
            {%- endif -%}
            {%- do types.update({column.name: column.data_type}) -%}
        {%- endfor -%}
        {{ return(types) }}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error("nothing is declared of " ~ relation) }}
{%- endmacro %}

{#- A declared type as this warehouse calls it. -#}
{% macro column_type(type) -%}
    {{ return(adapter.dispatch('column_type', 'hallmark')(type)) }}
{%- endmacro %}

{% macro default__column_type(type) -%}
    {{ return(type) }}
{%- endmacro %}

{% macro snowflake__column_type(type) -%}
    {{ return('variant' if type == 'json' else type) }}
{%- endmacro %}
