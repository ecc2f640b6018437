"""Tells Prefect that files of a stream have arrived: what terraform/modules/events runs as a Lambda.

It has the standard library and what Lambda's Python brings (boto3), and is no part of Hallmark's image.
"""
