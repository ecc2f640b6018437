# The user interfaces of Prefect and OpenMetadata: a hosted zone, a certificate, an internal load balancer that lets in
# who has signed in, and a second port by which the functions reach Prefect's API, which asks for its own password.

data "aws_caller_identity" "current" {}

locals {
  # Host → port of its pods; path of its health.
  services = {
    prefect      = { port = 4200, health = "/api/health" }
    openmetadata = { port = 8585, health = "/api/v1/system/version" }
  }
  hosts = [for service in keys(local.services) : "${service}.${var.domain}"]
  # Name → the record by which ACM sees that it is ours.
  validation = {
    for name in concat([var.domain], local.hosts) :
    name => one([for o in aws_acm_certificate.this.domain_validation_options : o if o.domain_name == name])
  }
}

resource "aws_route53_zone" "this" {
  name    = var.domain
  comment = "User interfaces of ${var.name}"
}

resource "aws_acm_certificate" "this" {
  domain_name               = var.domain
  subject_alternative_names = local.hosts
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = toset(concat([var.domain], local.hosts))

  zone_id = aws_route53_zone.this.zone_id
  name    = local.validation[each.key].resource_record_name
  type    = local.validation[each.key].resource_record_type
  records = [local.validation[each.key].resource_record_value]
  ttl     = 300
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_lb" "this" {
  name                       = var.name
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [var.security_group_id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection

  access_logs {
    bucket  = var.logs_bucket
    prefix  = "balancer"
    enabled = true
  }
}

resource "aws_route53_record" "service" {
  for_each = local.services

  zone_id = aws_route53_zone.this.zone_id
  name    = "${each.key}.${var.domain}"
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}

# Pods are put into them by the load balancer controller (TargetGroupBinding). Between balancer and pods it is HTTP
# within the VPC: neither of the two programs has a certificate of its own.
resource "aws_lb_target_group" "this" {
  for_each = local.services

  name        = "${var.name}-${each.key}"
  vpc_id      = var.vpc_id
  port        = each.value.port
  protocol    = "HTTP"
  target_type = "ip"

  health_check {
    path    = each.value.health
    matcher = "200"
  }
}

resource "aws_lb_listener" "people" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

resource "aws_lb_listener_rule" "people" {
  for_each = local.services

  listener_arn = aws_lb_listener.people.arn

  action {
    type = "authenticate-cognito"

    authenticate_cognito {
      user_pool_arn              = aws_cognito_user_pool.this.arn
      user_pool_client_id        = aws_cognito_user_pool_client.this.id
      user_pool_domain           = aws_cognito_user_pool_domain.this.domain
      on_unauthenticated_request = "authenticate"
      session_timeout            = 28800
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }

  condition {
    host_header {
      values = ["${each.key}.${var.domain}"]
    }
  }
}

# Its security group admits the functions alone.
resource "aws_lb_listener" "functions" {
  load_balancer_arn = aws_lb.this.arn
  port              = 8443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this["prefect"].arn
  }
}
