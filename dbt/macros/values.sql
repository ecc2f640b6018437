{#- Dates, times, counts, hours, numbers, shares, booleans and ids: stages of `read_columns`, like money. Each gives c__value and c__issue. -#}

{#- A date of any of the forms YYYY-MM-DD, DD-MM-YYYY, MM-DD-YYYY with -, / or . and perhaps a time behind it. Where day
    and month could be swapped, the declared order decides and c__is_ambiguous is set. -#}
{% macro date_stage(stage, c, order) -%}
    {%- if stage == 1 -%}
        {{ return(["translate(" ~ regex_replace(clean_text(c), "[T ][0-9]{1,2}:[0-9]{2}.*$", "") ~ ", '/.', '--') as "
            ~ c ~ "__text"]) }}
    {%- elif stage == 2 -%}
        {{ return([date_iso(c ~ "__text", order) ~ " as " ~ c ~ "__iso", date_ambiguous(c ~ "__text") ~ " as "
            ~ c ~ "__swappable"]) }}
    {%- elif stage == 3 -%}
        {%- set value = "try_cast(" ~ c ~ "__iso as date)" -%}
        {%- set plausible = c ~ "__iso between '1900-01-01' and '2100-12-31'" -%}
        {{ return(["case when " ~ plausible ~ " then " ~ value ~ " end as " ~ c ~ "__value",
            "coalesce(" ~ c ~ "__swappable and " ~ plausible ~ ", false) as " ~ c ~ "__is_ambiguous",
            "case when " ~ c ~ "__text is null then null when " ~ c ~ "__iso is null then 'not_a_date' when " ~ value
            ~ " is null then 'impossible_date' when not " ~ plausible ~ " then 'implausible_date' end as "
            ~ c ~ "__issue"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{% macro date_part(text, position) -%}
    try_cast(split_part({{ text }}, '-', {{ position }}) as integer)
{%- endmacro %}

{% macro date_ambiguous(text) -%}
    {{ regex_matches(text, "[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}") }}
    and {{ date_part(text, 1) }} <= 12 and {{ date_part(text, 2) }} <= 12
    and {{ date_part(text, 1) }} <> {{ date_part(text, 2) }}
{%- endmacro %}

{% macro date_iso(text, order) -%}
    {%- set first = "lpad(split_part(" ~ text ~ ", '-', 1), 2, '0')" -%}
    {%- set second = "lpad(split_part(" ~ text ~ ", '-', 2), 2, '0')" -%}
    {%- set third = "lpad(split_part(" ~ text ~ ", '-', 3), 2, '0')" -%}
    {%- set dmy = "split_part(" ~ text ~ ", '-', 3) || '-' || " ~ second ~ " || '-' || " ~ first -%}
    {%- set mdy = "split_part(" ~ text ~ ", '-', 3) || '-' || " ~ first ~ " || '-' || " ~ second -%}
    case
        when {{ regex_matches(text, "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}") }}
            then split_part({{ text }}, '-', 1) || '-' || {{ second }} || '-' || {{ third }}
        when {{ regex_matches(text, "[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}") }} then
            case
                when {{ date_part(text, 1) }} > 12 then {{ dmy }}
                when {{ date_part(text, 2) }} > 12 then {{ mdy }}
                else {{ dmy if order == "dmy" else mdy }}
            end
    end
{%- endmacro %}

{#- A count of things: digits, or words (c__words joins the seed number_words; see `number_words`). -#}
{% macro count_stage(stage, c) -%}
    {%- if stage == 1 -%}
        {{ return(["lower(case when " ~ clean_text(c) ~ " is not null then " ~ plain_text(c) ~ " end) as " ~ c ~ "__text"]) }}
    {%- elif stage == 2 -%}
        {{ return([regex_replace(c ~ "__text", "^(~|≈|approx[.]?|approximately|about|around|circa|ca[.]?|c[.]) ?", "") ~ " as "
            ~ c ~ "__plain"]) }}
    {%- elif stage == 3 -%}
        {{ return([count_digits(c ~ "__plain") ~ " as " ~ c ~ "__digits", spelled(c ~ "__plain") ~ " as " ~ c ~ "__words"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{#- Nine digits at most: more does not fit an integer of DuckDB, and nothing that is counted here has so many. -#}
{% macro count_digits(text) -%}
    case
        when {{ regex_matches(text, "[0-9]{1,9}([.]0+)?") }} then try_cast(split_part({{ text }}, '.', 1) as integer)
        when {{ regex_matches(text, "[0-9]{1,3}([, .''][0-9]{3}){1,2}") }}
            then try_cast(translate({{ text }}, ', .''', '') as integer)
        when {{ regex_matches(text, "[0-9]{1,6} ?k") }} then try_cast(translate({{ text }}, ' k', '') as integer) * 1000
        when {{ regex_matches(text, "[0-9]{1,6}[.,][0-9] ?k") }}
            then try_cast(translate({{ text }}, '., k', '') as integer) * 100
    end
{%- endmacro %}

{#- Number words without what varies: "Twenty-five", "one hundred and five", "a hundred", "hundred". -#}
{% macro spelled(text) -%}
    {%- set flat = regex_replace("lower(" ~ text ~ ")", "[ ,-]+(and )?", " ") -%}
    {{ regex_replace("trim(" ~ regex_replace(flat, "^an? ", "") ~ ")", "^(hundred|thousand)", "one \\1") }}
{%- endmacro %}

{#- Hours: 1.5, 1,5, 2h. Three digits behind a comma could be thousands. -#}
{% macro hours_stage(stage, c) -%}
    {%- if stage == 1 -%}
        {{ return(["lower(" ~ regex_replace("case when " ~ clean_text(c) ~ " is not null then " ~ plain_text(c) ~ " end",
            " ?(h|hrs?|hours?)[.]?$", "") ~ ") as " ~ c ~ "__text"]) }}
    {%- elif stage == 2 -%}
        {{ return(["case when " ~ regex_matches(c ~ "__text", "[0-9]+([.][0-9]+)?") ~ " then " ~ c ~ "__text when "
            ~ regex_matches(c ~ "__text", "[0-9]+,[0-9]{1,2}") ~ " then replace(" ~ c ~ "__text, ',', '.') when "
            ~ regex_matches(c ~ "__text", "[0-9]{1,3}(,[0-9]{3})+[.][0-9]+") ~ " then replace(" ~ c
            ~ "__text, ',', '') end as " ~ c ~ "__digits"]) }}
    {%- elif stage == 3 -%}
        {{ return(["case when length(" ~ c ~ "__digits) <= 18 then try_cast(" ~ c ~ "__digits as numeric(18, 4)) end as "
            ~ c ~ "__value",
            "case when " ~ c ~ "__text is null then null when " ~ regex_matches(c ~ "__text", "-.*") ~ " then 'negative' when "
            ~ regex_matches(c ~ "__text", "[0-9]{1,3}(,[0-9]{3})+") ~ " then 'ambiguous_number' when " ~ c
            ~ "__digits is null then 'not_a_number' when length(" ~ c ~ "__digits) > 18 or try_cast(" ~ c
            ~ "__digits as numeric(18, 4)) is null then 'too_large' end as " ~ c ~ "__issue"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{#- A share as a fraction: 10%, 10 % and 0.1 are 0.10; a bare 10 could be either, and is not read. -#}
{% macro share_stage(stage, c) -%}
    {%- if stage == 1 -%}
        {{ return(["replace(case when " ~ clean_text(c) ~ " is not null then " ~ plain_text(c) ~ " end, ',', '.') as "
            ~ c ~ "__text"]) }}
    {%- elif stage == 2 -%}
        {{ return(["case when " ~ regex_matches(c ~ "__text", "[0-9]{1,9}([.][0-9]{1,9})? ?%") ~ " then try_cast(translate(" ~ c
            ~ "__text, ' %', '') as numeric(18, 9)) / 100 when " ~ regex_matches(c ~ "__text", "0?[.][0-9]{1,9}|0|1[.]0+")
            ~ " then try_cast(" ~ c ~ "__text as numeric(18, 9)) end as " ~ c ~ "__share"]) }}
    {%- elif stage == 3 -%}
        {{ return(["case when " ~ c ~ "__share <= 1 then cast(" ~ c ~ "__share as numeric(9, 4)) end as " ~ c ~ "__value",
            "case when " ~ c ~ "__text is null or " ~ c ~ "__share <= 1 then null when " ~ c ~ "__share > 1 then 'out_of_range'"
            ~ " when " ~ regex_matches(c ~ "__text", "[0-9.]+") ~ " then 'ambiguous_number' else 'not_a_share' end as "
            ~ c ~ "__issue"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{% macro boolean_stage(stage, c) -%}
    {%- if stage == 1 -%}
        {{ return(["lower(" ~ clean_text(c) ~ ") as " ~ c ~ "__text"]) }}
    {%- elif stage == 2 -%}
        {{ return(["case when " ~ c ~ "__text in ('true', 't', 'yes', 'y', '1', '1.0', 'on') then true when " ~ c
            ~ "__text in ('false', 'f', 'no', 'n', '0', '0.0', 'off') then false end as " ~ c ~ "__value"]) }}
    {%- elif stage == 3 -%}
        {{ return(["case when " ~ c ~ "__text is not null and " ~ c ~ "__value is null then 'not_a_boolean' end as "
            ~ c ~ "__issue"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{#- A whole number that names something; leading zeros and a trailing .0 mean nothing. -#}
{% macro id_stage(stage, c) -%}
    {%- if stage == 1 -%}
        {{ return([clean_text(c) ~ " as " ~ c ~ "__text"]) }}
    {%- elif stage == 2 -%}
        {{ return(["case when " ~ regex_matches(c ~ "__text", "[0-9]{1,18}([.]0+)?") ~ " then try_cast(split_part(" ~ c
            ~ "__text, '.', 1) as bigint) end as " ~ c ~ "__value"]) }}
    {%- elif stage == 3 -%}
        {{ return(["case when " ~ c ~ "__text is not null and " ~ c ~ "__value is null then 'not_an_integer' end as "
            ~ c ~ "__issue"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{#- An instant: ISO 8601 with its zone, or seconds (10 digits) or milliseconds (13) since 1970 began. Without a zone it
    is not read; before 1990 it is the zero of some clock. -#}
{% macro time_stage(stage, c) -%}
    {%- set day = "[0-9]{4}-[0-9]{2}-[0-9]{2}" -%}
    {%- set zoned = day ~ "[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)" -%}
    {%- if stage == 1 -%}
        {{ return([regex_replace("upper(" ~ clean_text(c) ~ ")", " ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$", "\\1") ~ " as " ~ c ~ "__text"]) }}
    {%- elif stage == 2 -%}
        {{ return(["case when " ~ regex_matches(c ~ "__text", zoned) ~ " then " ~ instant_in(c ~ "__text") ~ " when " ~ regex_matches(c ~ "__text", "[0-9]{13}([.]0+)?")
            ~ " then " ~ instant_of("cast(split_part(" ~ c ~ "__text, '.', 1) as bigint)") ~ " when "
            ~ regex_matches(c ~ "__text", "[0-9]{10}([.]0+)?") ~ " then "
            ~ instant_of("cast(split_part(" ~ c ~ "__text, '.', 1) as bigint) * 1000") ~ " end as " ~ c ~ "__read"]) }}
    {%- elif stage == 3 -%}
        {%- set plausible = utc_date(c ~ "__read") ~ " between cast('1990-01-01' as date) and cast('2100-12-31' as date)" -%}
        {{ return(["case when " ~ plausible ~ " then " ~ c ~ "__read end as " ~ c ~ "__value",
            "case when " ~ c ~ "__text is null or " ~ plausible ~ " then null when " ~ c
            ~ "__read is not null then 'implausible_time' when " ~ regex_matches(c ~ "__text", zoned)
            ~ " then 'impossible_time' when " ~ regex_matches(c ~ "__text", day ~ "([T ][0-9:.,]+)?")
            ~ " then 'no_zone' else 'not_a_time' end as " ~ c ~ "__issue"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{#- A number as programs write it, 12, 12.50 or 1e3, whose value the relation has as c__exact numeric(38,18). What has
    more decimals than are kept is not read: it would be rounded. -#}
{% macro number_stage(stage, c, scale) -%}
    {%- set kept = "cast(" ~ c ~ "__read as numeric(38, " ~ scale ~ "))" -%}
    {%- if stage == 1 -%}
        {{ return([clean_text(c) ~ " as " ~ c ~ "__text"]) }}
    {%- elif stage == 2 -%}
        {{ return([regex_matches(c ~ "__text", "-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?") ~ " as " ~ c ~ "__is_number",
            c ~ "__exact as " ~ c ~ "__read"]) }}
    {%- elif stage == 3 -%}
        {{ return(["case when " ~ c ~ "__is_number and " ~ c ~ "__read = " ~ kept ~ " then " ~ kept ~ " end as " ~ c ~ "__value",
            "case when " ~ c ~ "__text is null then null when not " ~ c ~ "__is_number then 'not_a_number' when " ~ c
            ~ "__read is null then 'too_large' when " ~ c ~ "__read <> " ~ kept ~ " then 'too_many_decimals' end as "
            ~ c ~ "__issue"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}
