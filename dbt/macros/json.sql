{#- Values out of a JSON column by the keys that lead to them. A key that is absent, and a column that is no object, give
    NULL. The cast costs nothing where the column is JSON already; where it came as text it keeps one bad value from
    failing the build. -#}

{#- The value as text; an object or a list as JSON. -#}
{% macro json_value(column, keys) -%}
    {{ return(adapter.dispatch('json_value', 'hallmark')(column, keys)) }}
{%- endmacro %}

{% macro duckdb__json_value(column, keys) -%}
    json_extract_string(try_cast({{ column }} as json), '$."{{ keys | join('"."') }}"')
{%- endmacro %}

{% macro snowflake__json_value(column, keys) -%}
    cast({{ column }}:"{{ keys | join('"."') }}" as varchar)
{%- endmacro %}

{#- The number, exact to 18 decimals, for c__exact of `read_columns`. As text DuckDB would give it by way of a double. -#}
{% macro json_number(column, keys) -%}
    {{ return(adapter.dispatch('json_number', 'hallmark')(column, keys)) }}
{%- endmacro %}

{% macro duckdb__json_number(column, keys) -%}
    {%- set shape = namespace(of='"NUMERIC(38,18)"') -%}
    {%- for key in keys | reverse -%}{%- set shape.of = '{"' ~ key ~ '":' ~ shape.of ~ '}' -%}{%- endfor -%}
    {%- set found = namespace(sql="json_transform(try_cast(" ~ column ~ " as json), '" ~ shape.of ~ "')") -%}
    {%- for key in keys -%}{%- set found.sql = "struct_extract(" ~ found.sql ~ ", '" ~ key ~ "')" -%}{%- endfor -%}
    {{ found.sql }}
{%- endmacro %}

{% macro snowflake__json_number(column, keys) -%}
    try_to_decimal(cast({{ column }}:"{{ keys | join('"."') }}" as varchar), 38, 18)
{%- endmacro %}
