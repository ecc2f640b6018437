-- Of a failed critical check that blocked nothing: who decided so, and why.
ALTER TABLE ops.gates ADD COLUMN IF NOT EXISTS waived VARCHAR;
