# Service users come from known addresses. Of the users, not of the account: people keep the company's own policy.

resource "snowflake_network_policy" "services" {
  provider = snowflake.roles # who owns both a user and a policy may put them together

  name            = "${var.prefix}_SERVICES"
  allowed_ip_list = var.allowed_addresses
  comment         = "Where Hallmark's service users come from"
}

# The dashboards are a partner's, whose addresses it shares with its other customers: no key but this one counts there.
resource "snowflake_network_policy" "dashboards" {
  provider = snowflake.roles

  name            = "${var.prefix}_DASHBOARDS"
  allowed_ip_list = length(var.dashboard_addresses) > 0 ? var.dashboard_addresses : var.allowed_addresses
  comment         = "Where Hallmark's dashboards come from"
}

locals {
  policies = {
    for user in keys(module.access.users) : user => (
      user == "DASHBOARDS" ? snowflake_network_policy.dashboards : snowflake_network_policy.services
    ).fully_qualified_name
  }
}
