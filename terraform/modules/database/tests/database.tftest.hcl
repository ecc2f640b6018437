mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name                = "hallmark-test"
  subnet_ids          = ["subnet-1", "subnet-2"]
  security_group_id   = "sg-1"
  instance_class      = "db.t4g.medium"
  storage_gb          = 50
  multi_az            = true
  backup_days         = 35
  deletion_protection = true
  log_key_arn         = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

run "private_encrypted_and_kept" {
  command = plan

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "Encrypted, and of no public address."
  }

  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.backup_retention_period == 35
    error_message = "A standby, and backups for as long as was asked."
  }

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot
    error_message = "It resists deletion, and leaves a snapshot."
  }

  assert {
    condition     = { for p in aws_db_parameter_group.this.parameter : p.name => p.value }["rds.force_ssl"] == "1"
    error_message = "Without TLS nobody comes in."
  }

  assert {
    condition = (
      aws_db_instance.this.iam_database_authentication_enabled && aws_db_instance.this.manage_master_user_password
    )
    error_message = "The administrator's password is made by RDS; others sign in by IAM."
  }

  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.monitoring_interval == 60
    error_message = "Performance insights and enhanced monitoring are on."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.database : group.kms_key_id == var.log_key_arn])
    error_message = "Its logs are encrypted."
  }
}

run "what_may_be_deleted_leaves_nothing" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.delete_automated_backups
    error_message = "A database that may go leaves no backups that cost."
  }
}
