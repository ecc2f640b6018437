{#- What a document is, of its media type. -#}
{% macro document_kind(media_type) -%}
    {%- set type = "lower(" ~ media_type ~ ")" -%}
    case
        when {{ type }} in ('message/rfc822', 'application/vnd.ms-outlook') then 'mail'
        when {{ type }} = 'application/pdf' then 'pdf'
        when {{ type }} like 'image/%' then 'image'
        when {{ regex_matches(type, ".*(presentation|powerpoint).*") }} then 'slides'
        when {{ regex_matches(type, ".*(spreadsheet|excel|csv).*") }} then 'spreadsheet'
        when {{ regex_matches(type, ".*(wordprocessing|msword|opendocument.text|rtf).*") }} then 'word'
        when {{ regex_matches(type, "application/(x-)?(zip|tar|gzip|7z|bzip2|rar).*|.*zip-compressed.*") }} then 'archive'
        when {{ type }} like 'text/%' then 'text'
        else 'other'
    end
{%- endmacro %}

{#- The first project that a text names by its number (see vars of dbt_project.yml). -#}
{% macro project_named_in(text) -%}
    {{ regex_extract(text, "(^|[^A-Za-z0-9])(" ~ var('project_id_pattern') ~ ")($|[^A-Za-z0-9])", 2) }}
{%- endmacro %}

{#- The address in "Name <name@host>". -#}
{% macro mail_address(text) -%}
    lower({{ regex_extract(text, "([A-Za-z0-9._%+-]+@[A-Za-z0-9.-]*[A-Za-z0-9])") }})
{%- endmacro %}
