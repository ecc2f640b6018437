{#- Who sees what on Snowflake: `dbt run-operation apply_policies --target snowflake` tags each column whose `meta` says
    `pii` and masks it by its tag, and lets a model with `meta: {row_access: <column of teams>}` show a team its own rows.
    It is for the published tables, which keep their policies when a batch replaces their rows, and is run again when
    a column or table is new. Whoever has the pipeline's role or `pii_reader_role` sees everything, in whole. -#}
{% macro apply_policies(dry_run=false) -%}
    {%- set statements = policy_statements() -%}
    {%- for statement in statements -%}
        {%- if dry_run -%}
            {{ print(statement ~ ";") }}
        {%- else -%}
            {%- do run_query(statement) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ log(statements | length ~ " statements") }}
{%- endmacro %}

{#- All statements, in order. Each can be repeated. -#}
{% macro policy_statements() -%}
    {%- set home = target.database ~ '.ops' -%}
    {%- set statements = [
        "create tag if not exists " ~ home ~ ".pii comment = 'What a column says of a person'",
        mask_policy(home, 'varchar', "case system$get_tag_on_current_column('" ~ home
            ~ ".pii') when 'email' then '*****@' || split_part(val, '@', 2) else '*****' end"),
        "alter tag " ~ home ~ ".pii set masking policy " ~ home ~ ".mask_varchar force",
    ] -%}
    {%- for type in ['variant', 'number', 'float', 'date'] -%}
        {%- do statements.append(mask_policy(home, type, "null")) -%}
        {%- do statements.append("alter tag " ~ home ~ ".pii set masking policy " ~ home ~ ".mask_" ~ type ~ " force") -%}
    {%- endfor -%}
    {%- for node in policed_nodes() -%}
        {%- set table = target.database ~ '.' ~ (node.schema | lower).removesuffix('__audit') ~ '.'
            ~ (node.identifier if node.resource_type == 'source' else node.alias) -%}
        {%- set kind = 'view' if node.resource_type == 'source' else 'table' -%}
        {%- for role in node.config.get('grants', {}).get('select', []) -%}
            {%- do statements.append("grant select on table " ~ table ~ " to role " ~ role) -%}
        {%- endfor -%}
        {%- for column in node.columns.values() if column.config.meta.get('pii') -%}
            {%- do statements.append("alter " ~ kind ~ " " ~ table ~ " modify column " ~ column.name ~ " set tag " ~ home
                ~ ".pii = '" ~ column.config.meta['pii'] ~ "'") -%}
        {%- endfor -%}
        {%- if node.config.meta.get('cluster_by') -%}
            {%- do statements.append("alter table " ~ table ~ " cluster by (" ~ node.config.meta['cluster_by'] | join(', ') ~ ")") -%}
        {%- endif -%}
        {%- set teams = node.config.meta.get('row_access') -%}
        {%- if teams -%}
            {%- set policy = home ~ ".rows_of_" ~ node.name -%}
            {%- do statements.append(row_policy(policy)) -%}
            {%- do statements.append("alter table " ~ table ~ " drop all row access policies") -%}
            {%- do statements.append("alter table " ~ table ~ " add row access policy " ~ policy ~ " on (" ~ teams ~ ")") -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(statements) }}
{%- endmacro %}

{#- dbt's `grants` are for the published table, not for the build under audit, which nobody else reads. What is not
    there yet gets them by `apply_policies`. -#}
{% macro snowflake__apply_grants(relation, grant_config, should_revoke=true) -%}
    {%- if grant_config -%}
        {%- set published = adapter.get_relation(
            relation.database, (relation.schema | lower).removesuffix('__audit'), relation.identifier) -%}
        {%- if published -%}{%- do default__apply_grants(published, grant_config, true) -%}{%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- Tables of bronze, and models, that have something to be kept from somebody, or granted. -#}
{% macro policed_nodes() -%}
    {%- set found = [] -%}
    {%- for node in (graph.sources.values() | list) + (graph.nodes.values() | list)
        if node.resource_type in ('source', 'model') -%}
        {%- set personal = node.columns.values() | selectattr('config.meta.pii', 'defined') | list -%}
        {%- if personal or node.config.meta.get('row_access') or node.config.get('grants') or node.config.meta.get('cluster_by') -%}
            {%- do found.append(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | sort(attribute='unique_id')) }}
{%- endmacro %}

{% macro mask_policy(home, type, masked) -%}
    {{ return("create masking policy if not exists " ~ home ~ ".mask_" ~ type ~ " as (val " ~ type ~ ") returns " ~ type
        ~ " -> case when " ~ sees_all() ~ " then val else " ~ masked ~ " end") }}
{%- endmacro %}

{#- A team's role has its name, in upper case and with _ for -. -#}
{% macro row_policy(name) -%}
    {%- set teams = namespace(sql='') -%}
    {%- for group in graph.groups.values() | sort(attribute='name') -%}
        {%- set teams.sql = teams.sql ~ " when '" ~ group.name ~ "' then is_role_in_session('"
            ~ group.name | upper | replace('-', '_') ~ "')" -%}
    {%- endfor -%}
    {{ return("create row access policy if not exists " ~ name ~ " as (team varchar) returns boolean -> " ~ sees_all()
        ~ " or case team" ~ teams.sql ~ " else false end") }}
{%- endmacro %}

{% macro sees_all() -%}
    {{ return("is_role_in_session('" ~ (target.role or 'HALLMARK') ~ "') or is_role_in_session('" ~ var('pii_reader_role')
        ~ "')") }}
{%- endmacro %}
