mock_provider "aws" {}

variables {
  name = "hallmark-dev"
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_iam_policy_document.key
  values = { json = "{}" }
}

override_data {
  target = data.aws_iam_policy_document.bucket
  values = { json = "{}" }
}

run "no_bucket_is_public_or_loses_a_version" {
  command = plan

  assert {
    condition = length(aws_s3_bucket_public_access_block.this) == length(aws_s3_bucket.this) && alltrue([
      for b in aws_s3_bucket_public_access_block.this :
      b.block_public_acls && b.block_public_policy && b.ignore_public_acls && b.restrict_public_buckets
    ])
    error_message = "A bucket could be made public."
  }

  assert {
    condition = length(aws_s3_bucket_versioning.this) == length(aws_s3_bucket.this) && alltrue([
      for v in aws_s3_bucket_versioning.this : v.versioning_configuration[0].status == "Enabled"
    ])
    error_message = "A bucket keeps no versions."
  }
}
