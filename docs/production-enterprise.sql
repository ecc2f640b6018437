-- Personal data, on Enterprise edition or higher: Standard edition refuses each of these statements. After production.sql.
-- The flows make tag, masks and row access policies by these rights, where HALLMARK_SNOWFLAKE_PII_ROLE is set.

USE ROLE ACCOUNTADMIN;

GRANT APPLY TAG ON ACCOUNT TO ROLE HALLMARK_LOADER;
GRANT APPLY MASKING POLICY ON ACCOUNT TO ROLE HALLMARK_LOADER;
GRANT APPLY ROW ACCESS POLICY ON ACCOUNT TO ROLE HALLMARK_TRANSFORMER;
