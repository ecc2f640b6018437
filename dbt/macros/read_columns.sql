{#- Every kind of dirty column of one relation, read in stages: CTEs read_1 … read_7 and, last, `readings`, which has the
    columns of `relation` and, of each column c that is named here, c__value, c__raw and c__issue (raw and issue only
    where something stood there that cannot be read). Stages keep each expression small: a later one uses the names of
    an earlier one.

    money: {c: hint or none}; dates: {c: dmy or mdy}; numbers: {c: decimals}, of relations that have c__exact too;
    counts, hours, shares, booleans, texts, ids, times: lists. -#}
{% macro read_columns(
    relation, money={}, dates={}, counts=[], hours=[], shares=[], booleans=[], texts=[], ids=[], times=[], numbers={}
) -%}
    {%- set last = 7 if money else 3 -%}
    {%- for stage in range(1, last + 1) -%}
        {%- set columns = [] -%}
        {%- for c, hint in money.items() -%}{%- do columns.extend(money_stage(stage, c, hint)) -%}{%- endfor -%}
        {%- for c, order in dates.items() -%}{%- do columns.extend(date_stage(stage, c, order)) -%}{%- endfor -%}
        {%- for c in counts -%}{%- do columns.extend(count_stage(stage, c)) -%}{%- endfor -%}
        {%- for c in hours -%}{%- do columns.extend(hours_stage(stage, c)) -%}{%- endfor -%}
        {%- for c in shares -%}{%- do columns.extend(share_stage(stage, c)) -%}{%- endfor -%}
        {%- for c in booleans -%}{%- do columns.extend(boolean_stage(stage, c)) -%}{%- endfor -%}
        {%- for c in ids -%}{%- do columns.extend(id_stage(stage, c)) -%}{%- endfor -%}
        {%- for c in times -%}{%- do columns.extend(time_stage(stage, c)) -%}{%- endfor -%}
        {%- for c, scale in numbers.items() -%}{%- do columns.extend(number_stage(stage, c, scale)) -%}{%- endfor -%}
        {%- if stage == 1 -%}
            {%- for c in texts -%}{%- do columns.append(clean_text(c) ~ " as " ~ c ~ "__value") -%}{%- endfor -%}
        {%- endif %}
    read_{{ stage }} as (
        select
            *{{ "," if columns }}
            {{ columns | join(",\n            ") }}
        from {{ relation if stage == 1 else "read_" ~ (stage - 1) }}
    ),
    {%- endfor %}

    readings as (
        select
            *
            {%- for c in money.keys() %},
            case when {{ c }}__is_usd then cast({{ c }}__amount as numeric(38, 2)) end as {{ c }}__value,
            case
                when {{ c }}__unread is not null then {{ c }}__unread
                when {{ c }}__is_usd or {{ c }}__text is null then null
                when {{ c }}__currency is null then 'currency_unclear'
                else 'currency_not_usd'
            end as {{ c }}__issue,
            case when {{ c }}__text is not null and not coalesce({{ c }}__is_usd, false) then {{ c }} end as {{ c }}__raw
            {%- endfor %}
            {%- for c in dates.keys() | list + numbers.keys() | list + hours + shares + booleans + ids + times %},
            case when {{ c }}__issue is not null then {{ c }} end as {{ c }}__raw
            {%- endfor %}
        from read_{{ last }}
    )
{%- endmacro %}
