output "target_group_arns" {
  description = "Service → its target group, for a TargetGroupBinding."
  value       = { for key, group in aws_lb_target_group.this : key => group.arn }
}

output "balancer_suffix" {
  description = "What CloudWatch calls the load balancer."
  value       = aws_lb.this.arn_suffix
}

output "prefect_api_url" {
  description = "Prefect's API for the functions."
  value       = "https://prefect.${var.domain}:8443/api"
}

output "name_servers" {
  description = "What the parent zone delegates the domain to."
  value       = aws_route53_zone.this.name_servers
}
