output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Tier (public, private, isolated) → its subnets, one in each zone."
  value       = local.ids
}

output "security_group_ids" {
  description = "Group of groups.tf → its id."
  value       = { for key, group in aws_security_group.this : key => group.id }
}

output "nat_addresses" {
  description = "The public addresses by which pods and functions go out: what Snowflake's network policy admits."
  value       = [for address in aws_eip.nat : address.public_ip]
}
