"""Rotates secrets of AWS Secrets Manager every 90 days: what terraform/modules/secrets runs as a Lambda.

It is no part of Hallmark's image and knows nothing of it. A kind of secret is a module with a class that has
the methods of `protocol.Rotator`.
"""
