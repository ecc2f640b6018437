{#- Money as people write it -> amount decimal(38,6), currency as it is written, issue.

    `money_stage(n, c, hint)` gives the expressions of one stage; `read_columns` chains the stages. Of column `c`:
      c__amount    NULL where the text does not say one amount for certain
      c__currency  the sign, code or word beside the amount; NULL for a bare number
      c__unread    why there is no amount: no_number, several_numbers, ambiguous_number, ambiguous_scale, sign_unclear,
                   has_unit, malformed, too_large
      c__is_usd    the amount is in US dollars: a dollar sign or code, or a bare number
    `hint` is a second text that may name the currency (a column header, a neighbouring cell).

    What is certain and what is not:
      1,234.56 1.234,56 1 234,56 1'234.56 12,34,567.00 .75   read by their structure
      1,234                        thousands, except in currencies of three decimals
      1.234                        thousands where the currency is written so, or it ends in 0 (no one writes the
                                   thousandth's zero); of dollars, pounds and bare numbers unknown
      $5 - $9, 26 to 50 EUR        the first, when both ends are prices of one range
      50 - $2.00, was $9 now $5    several prices: unknown
      5k 1,5k 3m                   thousands and millions; a capital letter set apart may be a currency: unknown
      ($5), 5-                     a book-keeper's minus or not: unknown
      40%, 12:59, 15.08.2017, 3 kg no price -#}
{% macro money_stage(stage, c, hint=none) -%}
    {%- if stage == 1 -%}
        {{ return([clean_text(c) ~ " as " ~ c ~ "__text", plain_text(c) ~ " as " ~ c ~ "__plain"]) }}
    {%- elif stage == 2 -%}
        {{ return([money_sign(c ~ "__plain") ~ " as " ~ c ~ "__sign", money_code(c ~ "__plain") ~ " as " ~ c ~ "__code",
            money_masked(c ~ "__plain") ~ " as " ~ c ~ "__masked",
            (money_hint(hint) if hint else "cast(null as varchar)") ~ " as " ~ c ~ "__hint"]) }}
    {%- elif stage == 3 -%}
        {{ return([regex_extract(c ~ "__masked", "([.]?[0-9][0-9 .,'']*)") ~ " as " ~ c ~ "__run",
            regex_extract(c ~ "__masked", "^([^0-9]*)[0-9]") ~ " as " ~ c ~ "__lead",
            money_named(c) ~ " as " ~ c ~ "__named"]) }}
    {%- elif stage == 4 -%}
        {{ return([regex_replace(c ~ "__run", "[ .,'']+$", "") ~ " as " ~ c ~ "__number",
            "trim(case when " ~ c ~ "__run like '.%' then " ~ regex_replace(c ~ "__lead", "[.]+$", "") ~ " else "
                ~ c ~ "__lead end) as " ~ c ~ "__before",
            "substr(" ~ c ~ "__masked, length(coalesce(" ~ c ~ "__lead, '')) + length(" ~ c ~ "__run)"
                ~ " + case when " ~ c ~ "__run like '.%' then 0 else 1 end) as " ~ c ~ "__after"]) }}
    {%- elif stage == 5 -%}
        {{ return([money_digits(c) ~ " as " ~ c ~ "__digits", money_scale(c) ~ " as " ~ c ~ "__scale",
            money_doubt(c) ~ " as " ~ c ~ "__doubt", money_beside(c) ~ " as " ~ c ~ "__beside"]) }}
    {%- elif stage == 6 -%}
        {{ return([money_unread(c) ~ " as " ~ c ~ "__unread", money_amount(c) ~ " as " ~ c ~ "__read",
            "coalesce(" ~ c ~ "__named, " ~ c ~ "__hint, " ~ c ~ "__beside) as " ~ c ~ "__said"]) }}
    {%- elif stage == 7 -%}
        {{ return(["case when " ~ c ~ "__unread is null then " ~ c ~ "__read end as " ~ c ~ "__amount",
            "case when " ~ c ~ "__unread is null and " ~ c ~ "__read is not null then " ~ c ~ "__said end as "
                ~ c ~ "__currency",
            money_is_usd(c) ~ " as " ~ c ~ "__is_usd"]) }}
    {%- endif -%}
    {{ return([]) }}
{%- endmacro %}

{#- Signs and words that stand for themselves, glued to digits or not; letters before a sign are part of it. -#}
{% macro money_sign_pattern() -%}
    {{ return("US [$]|[A-Za-z]{0,3}[$]U?|[A-Z]{0,2}[£₣¥₵₤]|€|￡|￥|₽|₴|₱|₭|₪|﷼|៛|₩|₫|₡|₲|₮|₨|₾|֏|₦|฿|₹|₺|₼|₿|₸|؋|৳|र"
        ~ "|Kč|zł|Zł|руб[.]?|грн[.]?|лв[.]?|тңг[.]?|дин[.]|р[.]|تومان|ریال|ريال|جنيه|원|元|円") }}
{%- endmacro %}

{#- Codes and words that need a boundary on both sides. -#}
{% macro money_code_pattern() -%}
    {%- set letter = "A-Za-zÀ-ɏЀ-ӿ" -%}
    {{ return("(^|[^" ~ letter ~ "])("
        ~ "A[EUR]D|ARS|AMD|AZN|BDT|BGN|BHD|BRL|BTC|BYN|CAD|CHF|CLP|CNY|COP|CZK|DKK|DZD|EGP|EUR|Eur|eur|euros?|Euros?|EURO?"
        ~ "|GBP|GEL|HKD|HRK|HUF|IDR|ILS|INR|IQD|IRR|ISK|JOD|JPY|KD|KES|KRW|KWD|KZT|LBP|LKR|LYD|MAD|MXN|MYR|NGN|NOK|NZD|OMR"
        ~ "|PEN|PHP|PKR|PLN|PTE|PYG|QAR|RMB|RON|RSD|RUB|SAR|SEK|SGD|THB|TND|TRY|TWD|UAH|USD|usd|Usd|UYU|VND|ZAR"
        ~ "|dollars?|Dollars?|bucks|pounds?|Rp|Rs|RM|R|Ft|TL|Br|kr|Kr|KR|kn|lei|Lei|LEI|Р|р|FCFA|CFA|Fr|yuan|francs?|lari"
        ~ ")[.]?($|[^" ~ letter ~ "])") }}
{%- endmacro %}

{% macro money_sign(text) -%}
    {{ regex_extract(text, "(" ~ money_sign_pattern() ~ ")") }}
{%- endmacro %}

{% macro money_code(text) -%}
    {{ regex_extract(text, money_code_pattern(), 2) }}
{%- endmacro %}

{#- Currencies as ¤, so that one rule covers all; percentages and "no cents" dashes taken out; the dot of an
    abbreviation kept from becoming a decimal point. -#}
{% macro money_masked(text) -%}
    {%- set no_percent = regex_replace(text, "[(]? ?[-+]? ?[0-9][0-9.,]* ?%[ )]*", " ") -%}
    {%- set no_cents = regex_replace(no_percent, "([0-9])[.,] ?-+", "\\1 ") -%}
    {%- set signs = regex_replace(no_cents, money_sign_pattern(), "¤") -%}
    {%- set codes = regex_replace(signs, money_code_pattern(), "\\1¤\\3") -%}
    {%- set colons = regex_replace(codes, "¤ ?:", "¤") -%}
    {%- set points = regex_replace(colons, "([^0-9 ¤.,(+-])[.]([0-9])", "\\1. \\2") -%}
    case
        when {{ regex_matches(codes, "([0-9,]+ - ¤ ?[0-9.,]+ ?){2,}") }} then {{ regex_replace(codes, "[0-9,]+ - ¤", "¤") }}
        else trim({{ points }})
    end
{%- endmacro %}

{% macro money_hint(text) -%}
    coalesce({{ money_sign(plain_text(text)) }}, {{ money_code(plain_text(text)) }})
{%- endmacro %}

{#- "$5 AUD" and "$ SGD4.90" name their dollar by the code. -#}
{% macro money_named(c) -%}
    case
        when {{ c }}__sign = '$' and upper({{ c }}__code) like '__D' and upper({{ c }}__code) <> 'USD' then {{ c }}__code
        else coalesce({{ c }}__sign, {{ c }}__code)
    end
{%- endmacro %}

{#- The number as digits with a decimal point; NULL where its structure is not one number for certain. -#}
{% macro money_digits(c) -%}
    {%- set n = c ~ "__number" -%}
    {%- set bare = "translate(" ~ n ~ ", ' ''', '')" -%}
    {%- set currency = "coalesce(" ~ c ~ "__named, " ~ c ~ "__hint, '$')" -%}
    case
        when {{ c }}__masked like '%..%' then null
        when {{ regex_matches(n, "[0-9]+") }} then {{ n }}
        when {{ regex_matches(n, "[0-9]{1,3}([ ''][0-9]{3})+") }} then {{ bare }}
        when {{ regex_matches(n, "([0-9]+|[0-9]{1,3}([ ''][0-9]{3})+)[.,] ?[0-9]{1,2}") }}
            then replace({{ bare }}, ',', '.')
        when {{ regex_matches(n, "[0-9]{1,3}(,[0-9]{3})+[.] ?[0-9]+") }} then replace({{ bare }}, ',', '')
        when {{ regex_matches(n, "[0-9]{1,3}([.][0-9]{3})+, ?[0-9]+") }}
            then replace(replace({{ bare }}, '.', ''), ',', '.')
        when {{ regex_matches(n, "[1-9][0-9]{0,2}((,[0-9]{3}){2,}|([.][0-9]{3}){2,})") }} then translate({{ n }}, '.,', '')
        when {{ regex_matches(n, "[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}([.][0-9]{1,2})?") }} then replace({{ n }}, ',', '')
        when {{ regex_matches(n, "0[.,][0-9]+|[0-9]+[.,][0-9]{4,}") }} then replace({{ n }}, ',', '.')
        when {{ regex_matches(n, "[.][0-9]+") }} then '0' || {{ n }}
        when {{ regex_matches(n, "[1-9][0-9]{0,2}[.,][0-9]{3}") }} then
            case
                when {{ currency }} in ('KD', 'KWD', 'BHD', 'OMR', 'TND', 'JOD', 'LYD', 'IQD', 'د.ك', 'د.ب', 'د.ت', 'د.ا', 'ر.ع')
                    then replace({{ n }}, ',', '.')
                when {{ n }} like '%,%' or {{ n }} like '%0' then translate({{ n }}, '.,', '')
                when not {{ regex_matches(currency, ".*[$£¥].*|USD|usd|Usd|GBP|dollars?|pounds?|bucks") }}
                    then translate({{ n }}, '.,', '')
            end
    end
{%- endmacro %}

{#- What multiplies the number; NULL where the letter may as well be a unit or a currency. -#}
{% macro money_scale(c) -%}
    {%- set end = "([^A-Za-zÀ-ɏЀ-ӿ].*)?" -%}
    case
        when {{ c }}__after is null then 1
        when
            {{ c }}__run like '% ' and {{ c }}__named is null
            and {{ regex_matches(c ~ "__after", "(K|m|M|mm|MM)" ~ end) }} then null
        when {{ regex_matches(c ~ "__after", "(k|K|thousand|tsd[.]?)" ~ end) }} then 1000
        when {{ regex_matches(c ~ "__after", "(m|M|mm|MM|mn|mln|mio|million)[.]?" ~ end) }} then 1000000
        when {{ regex_matches(c ~ "__after", "(bn|billion)" ~ end) }} then 1000000000
        when {{ regex_matches(c ~ "__after", "[bB]( .*)?") }} then null
        else 1
    end
{%- endmacro %}

{#- Why the first number may not be the amount. -#}
{% macro money_doubt(c) -%}
    {%- set before = "coalesce(" ~ c ~ "__before, '')" -%}
    {%- set after = "coalesce(" ~ c ~ "__after, '')" -%}
    {%- set attached = "(" ~ regex_matches(before, ".*¤ ?[-+]? ?") ~ " or "
        ~ regex_matches(after, " ?(k|K|m|M|mn|million|bn|billion)? ?¤.*") ~ ")" -%}
    case
        when {{ c }}__number is null then null
        when
            {{ regex_matches(c ~ "__masked", "[^¤]*[0-9][ .,]*¤ ?[0-9][^¤]*") }}
            and not {{ regex_matches(c ~ "__masked", "[0-9]+¤ ?[0-9]{2}|[^¤]*[0-9]¤ [0-9]{3}[^¤]*") }} then 'several_numbers'
        when {{ regex_matches("lower(" ~ c ~ "__masked)", "(.*[^a-z])?was[^a-z].*[^a-z]now[^a-z].*") }} then 'several_numbers'
        when
            not {{ attached }}
            and {{ regex_matches(after, ".*[0-9].*") }}
            and not {{ regex_matches(after, " ?(-|to|bis|до|till|until|a|à) ?[0-9][0-9., ]*¤.*") }}
            and not ({{ regex_matches(c ~ "__number", ".*[.,] ?[0-9]{2}") }}
                and {{ regex_matches(after, "[^/:0-9¤][^¤]*") }})
            then 'several_numbers'
        when {{ regex_matches("lower(" ~ after ~ ")", "e[+-]?[0-9].*") }} then 'malformed'
        when {{ regex_matches("lower(" ~ after ~ ")", "[ 0-9.,¤$-]*(k|m|mn|bn)([^a-z].*)?") }} and {{ c }}__scale = 1
            and {{ regex_matches(after, ".*[0-9].*") }} then 'ambiguous_scale'
        when
            {{ regex_matches(after, " ?(ft|kg|g|mg|lbs?|oz|cm|mm|km|ml|cl|l|pcs?|pieces?|units?|items?|h|hrs?|hours?|min|days?"
                ~ "|weeks?|months?|years?|x|people|employees|products?)([^A-Za-z].*)?") }}
            and {{ c }}__named is null then 'has_unit'
        when {{ regex_matches(before, "[( ]*¤?[( ]*-?[( ]*¤?") }} and {{ before }} like '%(%' then 'sign_unclear'
        when {{ regex_matches(before, "[^-]*[A-Za-z][^-]*-[¤]?") }}
            and not {{ regex_matches(c ~ "__masked", ".* - .*") }} then 'sign_unclear'
        when {{ regex_matches(after, " ?-") }} or {{ regex_matches(after, " ?¤ ?-") }} then 'sign_unclear'
        when {{ regex_matches(before, ".*[A-Za-zÀ-ɏЀ-ӿ_#]") }}
            and {{ regex_matches(c ~ "__lead", ".*[A-Za-zÀ-ɏЀ-ӿ_#]") }} then 'malformed'
    end
{%- endmacro %}

{#- A word that stands after the number and is no currency we know: kept, so that it never passes for dollars. -#}
{% macro money_beside(c) -%}
    {%- set word = regex_replace(c ~ "__after", "^[ *+.-]+|[ *+.-]+$", "") -%}
    case
        when {{ c }}__named is null and coalesce({{ c }}__before, '') = ''
            and {{ regex_matches(c ~ "__after", " ?[^ 0-9(*%-][^0-9()*%]{0,11}") }}
            and not {{ regex_matches("lower(" ~ word ~ ")", "(k|m|mm|mn|mln|mio|million|bn|billion|thousand)[.]?"
                ~ "|(.*[^a-z])?(inc|incl|excl|vat|gst|ttc|ht|tax|net|brutto|netto|approx|each)([^a-z].*)?") }}
            then nullif({{ regex_replace(c ~ "__after", "^[ *]+|[ *]+$", "") }}, '')
    end
{%- endmacro %}

{% macro money_unread(c) -%}
    case
        when {{ c }}__text is null then null
        when {{ regex_matches("lower(" ~ c ~ "__plain)", "[^a-z0-9]*free[^a-z0-9]*") }} then null
        when {{ c }}__number is null then 'no_number'
        when {{ c }}__doubt is not null then {{ c }}__doubt
        when {{ c }}__digits is null then 'ambiguous_number'
        when {{ c }}__scale is null then 'ambiguous_scale'
        when length({{ c }}__digits) > 18 then 'too_large'
    end
{%- endmacro %}

{% macro money_amount(c) -%}
    case
        when {{ c }}__text is null then null
        when {{ regex_matches("lower(" ~ c ~ "__plain)", "[^a-z0-9]*free[^a-z0-9]*") }} then cast(0 as numeric(38, 6))
        when {{ regex_matches(c ~ "__masked", "[0-9]+¤ ?[0-9]{2}") }}
            then try_cast({{ regex_replace(c ~ "__masked", "¤ ?", ".") }} as numeric(38, 6))
        when length({{ c }}__digits) <= 18
            then try_cast({{ c }}__digits as numeric(38, 6)) * coalesce({{ c }}__scale, 1)
                * case when {{ regex_matches("coalesce(" ~ c ~ "__before, '')", "¤? ?- ?¤?") }} then -1 else 1 end
    end
{%- endmacro %}

{#- A bare number is dollars, as the agency's export writes them, and so is one beside a word of estimation; a number
    beside any other word is not. -#}
{% macro money_is_usd(c) -%}
    {%- set rest = "lower(coalesce(" ~ c ~ "__before, '') || ' ' || coalesce(" ~ c ~ "__after, ''))" -%}
    case
        when {{ c }}__unread is not null or {{ c }}__read is null then null
        when upper({{ c }}__said) in ('$', 'US$', 'US $', 'USD', 'DOLLAR', 'DOLLARS', 'BUCKS')
            then not {{ regex_matches(rest, ".*(canad|austral|zealand|singap|hong|mexic|taiwan|namib|jamai).*") }}
        when {{ c }}__said is not null then false
        else {{ regex_matches(rest,
            "[ ~=+*:;.,()-]*((k|m|mm|mn|mln|mio|million|bn|billion|thousand|approx|about|around|ca|circa|est)[ ~=+*:;.,()-]*)*") }}
    end
{%- endmacro %}
