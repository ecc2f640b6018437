# What there is, and who may do what with it, as tables. Names are without the prefix; nothing else in the tree grants.

locals {
  # Schemas that are there before the first batch: SCHEMAS of blocks/warehouses/sql.py, with their days of Time Travel.
  # What a build makes and drops itself (SILVER__AUDIT, SILVER__KEPT, SEEDS …) is the transformer's, by CREATE SCHEMA.
  schemas = {
    BRONZE          = 0
    BRONZE__LOADS   = 0
    BRONZE__STAGING = 0
    OPS             = 1
    SILVER          = 1
    GOLD            = 1
  }

  # Access role → what it may. A row that is not here is not granted.
  # database, schemas, future, tables, warehouses, account: privileges; owns: schemas; made: of a schema, the kinds of
  # things that are this role's whichever role makes them, so that a batch and an ingest work on the same tables.
  access = merge({
    LOADING = {
      why        = "Makes, alters and drops tables of bronze, keeps the ledger"
      database   = ["USAGE"]
      owns       = ["BRONZE", "BRONZE__LOADS", "BRONZE__STAGING", "OPS"]
      warehouses = { LOAD = ["USAGE"] }
      made = {
        BRONZE          = ["VIEWS"]
        BRONZE__LOADS   = ["TABLES"]
        BRONZE__STAGING = ["TABLES", "VIEWS"]
        OPS             = ["TABLES", "STAGES"]
      }
      account      = var.enterprise ? ["APPLY MASKING POLICY", "APPLY TAG"] : []
      integrations = var.external_stage ? ["LANDING"] : []
    }
    BUILDING = {
      why            = "Builds silver and gold in schemas of its own, and publishes them"
      database       = ["CREATE SCHEMA", "USAGE"]
      owns           = ["SILVER", "GOLD"]
      warehouses     = { TRANSFORM = ["USAGE"] }
      account        = var.enterprise ? ["APPLY ROW ACCESS POLICY"] : []
      database_roles = var.account_usage ? ["GOVERNANCE_VIEWER", "USAGE_VIEWER"] : []
    }
    RELAYING = {
      why        = "Reads events of the ledger, marks them as told, and counts what its metrics say"
      database   = ["USAGE"]
      schemas    = { OPS = ["USAGE"] }
      warehouses = { WATCH = ["USAGE"] }
      tables     = merge(local.counted, { EVENTS = ["SELECT", "UPDATE"] })
    }
    WATCHING = {
      why        = "Reads the ledger, writes what it finds into it, and pages at once, which marks events as told"
      database   = ["USAGE"]
      schemas    = { OPS = ["USAGE"] }
      warehouses = { WATCH = ["USAGE"] }
      tables = merge(local.counted, {
        EVENTS   = ["INSERT", "SELECT", "UPDATE"]
        GATES    = ["INSERT", "SELECT"]
        PROFILES = ["SELECT"]
      })
    }
    # REFERENCES shows which views bronze has, and no row: what it did not see it would take out of the catalog.
    CATALOGING = {
      why            = "Profiles silver and gold, masked, sees which views bronze has, and who queried what"
      database       = ["USAGE"]
      schemas        = { BRONZE = ["USAGE"], GOLD = ["USAGE"], OPS = ["USAGE"], SILVER = ["USAGE"] }
      future         = { BRONZE = ["REFERENCES"], GOLD = ["SELECT"], SILVER = ["SELECT"] }
      warehouses     = { CATALOG = ["USAGE"] }
      tables         = merge(local.opened, { EVENTS = ["SELECT"] })
      database_roles = ["GOVERNANCE_VIEWER"]
    }
    READING = {
      why        = "Reads what is published in gold"
      database   = ["USAGE"]
      schemas    = { GOLD = ["USAGE"] }
      future     = { GOLD = ["SELECT"] }
      warehouses = { READ = ["USAGE"] }
    }
    }, {
    PII_READER = {
      why = "Has no right of its own: who has it beside others sees personal data unmasked"
    }
  })

  # Tables of the ledger that whoever opens the warehouse reads, and those that metrics count. Not OPS.QUARANTINE: it
  # holds rows as they came, personal data among them.
  opened  = { for table in ["ALEMBIC_VERSION", "BATCHES", "STREAMS"] : table => ["SELECT"] }
  counted = merge(local.opened, { for table in ["BUILDS", "GATES", "LOADS"] : table => ["SELECT"] })

  # Functional role → its access roles, the functional roles within it, and the service user that alone has it.
  # The transformer has the loader's rights since a batch loads and transforms. Both see through masks: bronze is merged
  # and built from as it is. People get READER, and where they may see personal data PII_READER, from an administrator.
  functions = {
    LOADER      = { access = ["LOADING", "PII_READER"], within = [], user = "INGEST", warehouse = "LOAD" }
    TRANSFORMER = { access = ["BUILDING"], within = ["LOADER"], user = "BATCH", warehouse = "LOAD" }
    DELIVERER   = { access = ["RELAYING"], within = [], user = "DELIVER", warehouse = "WATCH" }
    WATCHER     = { access = ["WATCHING"], within = [], user = "WATCH", warehouse = "WATCH" }
    CATALOGER   = { access = ["CATALOGING"], within = [], user = "CATALOG", warehouse = "CATALOG" }
    READER      = { access = ["READING"], within = [], user = "DASHBOARDS", warehouse = "READ" }
  }
}
