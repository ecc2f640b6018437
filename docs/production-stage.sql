-- Only for HALLMARK_SNOWFLAKE_STAGE: a stage over the landing bucket, so that COPY reads from S3. After production.sql.
-- Without it the flows make a stage of their own, within Snowflake. Who trusts whom is in step 2 of docs/production.md,
-- which puts your values in the place of AWS_ACCOUNT and s3://LANDING.

USE ROLE ACCOUNTADMIN;

CREATE STORAGE INTEGRATION IF NOT EXISTS HALLMARK_LANDING TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE
    STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::AWS_ACCOUNT:role/hallmark-snowflake'
    STORAGE_ALLOWED_LOCATIONS = ('s3://LANDING/');
-- Who owns the stage, which is the loader by a grant of production.sql, needs the integration to read from it.
GRANT USAGE ON INTEGRATION HALLMARK_LANDING TO ROLE HALLMARK_LOADER;
CREATE STAGE IF NOT EXISTS HALLMARK.OPS.LANDING URL = 's3://LANDING/'
    STORAGE_INTEGRATION = HALLMARK_LANDING;
GRANT USAGE ON STAGE HALLMARK.OPS.LANDING TO ROLE HALLMARK_LOADER;
