{#- Where DuckDB and Snowflake differ. Patterns use no backslash ([0-9], [.], [[:space:]]): the two read escapes in
    literals differently. Replacements name groups as \1. -#}
{% macro regex_replace(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('regex_replace', 'hallmark')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro duckdb__regex_replace(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro snowflake__regex_replace(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement | replace("\\", "\\\\") }}')
{%- endmacro %}

{#- The first match of a group, or NULL. -#}
{% macro regex_extract(text, pattern, group=1) -%}
    {{ return(adapter.dispatch('regex_extract', 'hallmark')(text, pattern, group)) }}
{%- endmacro %}

{% macro duckdb__regex_extract(text, pattern, group) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', {{ group }}), '')
{%- endmacro %}

{% macro snowflake__regex_extract(text, pattern, group) -%}
    nullif(regexp_substr({{ text }}, '{{ pattern }}', 1, 1, 'e', {{ group }}), '')
{%- endmacro %}

{#- Does the whole text match? -#}
{% macro regex_matches(text, pattern) -%}
    {{ return(adapter.dispatch('regex_matches', 'hallmark')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__regex_matches(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro snowflake__regex_matches(text, pattern) -%}
    regexp_like({{ text }}, '{{ pattern }}')
{%- endmacro %}

{#- A JSON object of columns, as text, in their order. -#}
{% macro json_text(columns, relation='') -%}
    {{ return(adapter.dispatch('json_text', 'hallmark')(columns, relation)) }}
{%- endmacro %}

{% macro duckdb__json_text(columns, relation) -%}
    cast(json_object(
        {%- for name in columns %}'{{ name }}', {{ relation ~ '.' if relation }}{{ name }}{{ ', ' if not loop.last }}
        {%- endfor %}) as varchar)
{%- endmacro %}

{% macro snowflake__json_text(columns, relation) -%}
    {#- An OBJECT has no order and leaves NULLs out. -#}
    '{'
    {%- for name in columns %}
        || '"{{ name }}":' || coalesce(to_json(to_variant({{ relation ~ '.' if relation }}{{ name }})), 'null')
        {{- " || ','" if not loop.last }}
    {%- endfor %}
        || '}'
{%- endmacro %}

{#- A key of several columns, the same on every warehouse. A NULL and an empty text differ. -#}
{% macro surrogate_key(columns) -%}
    md5(
        {%- for column in columns -%}
            coalesce('=' || cast({{ column }} as varchar), '-'){{ " || '|' || " if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}

{#- Whole days from one date to another. -#}
{% macro days_between(first, second) -%}
    {{ return(dbt.datediff(first, second, 'day')) }}
{%- endmacro %}

{% macro add_days(date, days) -%}
    cast({{ dbt.dateadd('day', days, date) }} as date)
{%- endmacro %}

{#- First day of the week (Monday, whatever the session's setting) or year of a date. -#}
{% macro start_of(part, date) -%}
    {{ return(adapter.dispatch('start_of', 'hallmark')(part, date)) }}
{%- endmacro %}

{% macro default__start_of(part, date) -%}
    cast(date_trunc('{{ part }}', {{ date }}) as date)
{%- endmacro %}

{% macro snowflake__start_of(part, date) -%}
    {%- if part == 'week' -%}
        cast(dateadd('day', 1 - dayofweekiso({{ date }}), {{ date }}) as date)
    {%- else -%}
        cast(date_trunc('{{ part }}', {{ date }}) as date)
    {%- endif -%}
{%- endmacro %}

{#- The day of an instant, in UTC whatever the session's zone. -#}
{% macro utc_date(instant) -%}
    {{ return(adapter.dispatch('utc_date', 'hallmark')(instant)) }}
{%- endmacro %}

{% macro duckdb__utc_date(instant) -%}
    cast(timezone('UTC', {{ instant }}) as date)
{%- endmacro %}

{% macro snowflake__utc_date(instant) -%}
    cast(convert_timezone('UTC', {{ instant }}) as date)
{%- endmacro %}

{#- The instant that lies a number of milliseconds after 1970 began, in UTC. -#}
{% macro instant_of(milliseconds) -%}
    {{ return(adapter.dispatch('instant_of', 'hallmark')(milliseconds)) }}
{%- endmacro %}

{% macro duckdb__instant_of(milliseconds) -%}
    make_timestamptz({{ milliseconds }} * 1000)
{%- endmacro %}

{% macro snowflake__instant_of(milliseconds) -%}
    to_timestamp_tz({{ milliseconds }}, 3)
{%- endmacro %}

{#- The instant that a text says in ISO 8601 with a zone, or NULL where there is none such (the 30th of February). -#}
{% macro instant_in(text) -%}
    {{ return(adapter.dispatch('instant_in', 'hallmark')(text)) }}
{%- endmacro %}

{% macro duckdb__instant_in(text) -%}
    try_cast(replace({{ text }}, ' ', 'T') as timestamp with time zone)
{%- endmacro %}

{#- Snowflake recognises the form of the whole, with seconds and a zone of hours and minutes; it keeps nanoseconds. -#}
{% macro snowflake__instant_in(text) -%}
    {%- set seconds = regex_replace("replace(" ~ text ~ ", ' ', 'T')", "(T[0-9]{2}:[0-9]{2})([Z+-])", "\\1:00\\2") -%}
    {%- set micros = regex_replace(seconds, "([.][0-9]{6})[0-9]+", "\\1") -%}
    {%- set utc = regex_replace(micros, "Z$", "+00:00") -%}
    {%- set hours = regex_replace(utc, "([+-][0-9]{2})$", "\\1:00") -%}
    try_cast({{ regex_replace(hours, "([+-][0-9]{2})([0-9]{2})$", "\\1:\\2") }} as timestamp with time zone)
{%- endmacro %}
