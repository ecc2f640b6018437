with document_rows as (
    select * from {{ ref('slv_document_rows') }}
),

tops as (
    select
        *,
        split_part(path, '!', 1) as head
    from document_rows
    where parent is null
),

-- The file that a document came in, through however many containers: its path begins the document's own. Of two such
-- files, as a name with a ! can make them, the longer one.
placed as (
    select
        document_rows.*,
        tops.path as file_path,
        tops.sender as file_sender,
        tops.sender_customer_id as file_sender_customer_id,
        tops.project_id as file_project_id,
        tops.created_at as file_created_at,
        row_number() over (
            partition by document_rows.document_row_key order by length(tops.path) desc, tops.document_row_key
        ) as nearness
    from document_rows
    left join tops
        on
            document_rows._load_id = tops._load_id
            and split_part(document_rows.path, '!', 1) = tops.head
            and (
                document_rows.document_row_key = tops.document_row_key
                or (
                    document_rows.parent is not null
                    and left(document_rows.path, length(tops.path) + 1) = tops.path || '!'
                )
            )
),

-- A file that came again with other content replaces what it held.
versioned as (
    select
        *,
        _publish_seq = max(_publish_seq) over (partition by coalesce(file_path, path)) as is_current,
        coalesce(project_id, file_project_id) as named_project_id,
        coalesce(sender_customer_id, file_sender_customer_id) as writer_customer_id
    from placed
    where nearness = 1
),

copied as (
    select
        *,
        row_number() over (partition by document_id, is_current order by _publish_seq, path, document_row_key) as copy
    from versioned
),

projects as (
    select
        project_id,
        customer_id
    from {{ declared(ref('slv_projects')) }}
)

select
    cast(copied.document_row_key as varchar) as document_key,
    copied.document_id,
    copied.path,
    copied.parent,
    cast(copied.file_path as varchar) as file_path,
    copied.kind,
    copied.media_type,
    copied.title,
    cast(coalesce(copied.sender, copied.file_sender) as varchar) as sender,
    cast(copied.named_project_id as varchar) as project_id,
    copied.project_id is null and copied.named_project_id is not null as is_project_of_file,
    cast(coalesce(projects.customer_id, copied.writer_customer_id) as bigint) as customer_id,
    cast(
        case
            when projects.customer_id is not null then 'project'
            when copied.writer_customer_id is not null then 'sender'
        end as varchar
    ) as customer_found_by,
    copied.created_at,
    case when copied.parent is null then copied.created_at else copied.file_created_at end as received_at,
    copied.page_count,
    copied.language,
    copied.status,
    copied.has_text,
    copied.is_current,
    copied.is_current and copied.copy > 1 as is_copy
from copied
left join projects on copied.named_project_id = projects.project_id
