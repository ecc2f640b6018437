output "endpoint" {
  description = "Host of the domain."
  value       = aws_opensearch_domain.this.endpoint
}
