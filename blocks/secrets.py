"""Secrets in AWS Secrets Manager, by the AwsSecret blocks of prefect-aws.

Which secret is asked for, and what else may hold it, is in `register.py`. Nothing is kept: each call reads again, so
that a rotated secret is found. No error holds a value. Importing this module is cheap; prefect-aws is imported where
there is such a block.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError

from governance.errors import ConfigurationError, HallmarkError, UnreachableError

if TYPE_CHECKING:
    from prefect_aws import AwsSecret

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 15, 3
_DENIED = (
    "AccessDenied",
    "UnrecognizedClient",
    "InvalidClientTokenId",
    "InvalidSignature",
    "ExpiredToken",
    "SignatureDoesNotMatch",
)
_MISSING = ("ResourceNotFound", "InvalidRequest")  # the second: it is marked for deletion
_BUSY = ("Throttling", "InternalService", "ServiceUnavailable", "RequestTimeout")


def read(block: str, data: Mapping[str, Any], field: str) -> SecretStr:
    """The current value of the secret that an AwsSecret block named `block` points to; `data` is what the block holds.

    Of a JSON object it is the value of `field`. Raises ConfigurationError when AWS refuses it, does not have it, or it
    has no such field, UnreachableError when AWS does not answer.
    """
    from prefect_aws import AwsSecret

    try:
        found = AwsSecret.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError.of_validation(f"block aws-secret/{block}", error) from None
    what = f"secret {found.secret_name} in AWS Secrets Manager (block aws-secret/{block})"
    return _field(what, _text(what, _value(what, found)), field)


def _value(what: str, block: AwsSecret) -> str | bytes:
    from boto3.exceptions import Boto3Error
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    logging.getLogger("botocore.parsers").setLevel(logging.INFO)  # at DEBUG it prints each answer
    credentials = block.aws_credentials
    limits = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS}
    )
    given = credentials.aws_client_parameters.get_params_override()
    given["config"] = limits.merge(given["config"]) if given.get("config") else limits
    region = {"region_name": credentials.region_name} if credentials.region_name else {}
    try:
        # The block's own client is kept for good, with the temporary credentials of its role, which expire.
        with closing(credentials.get_boto3_session().client("secretsmanager", **region, **given)) as client:
            answer = client.get_secret_value(SecretId=block.secret_name)
    except ClientError as error:
        raise _refused(what, error.response) from None
    except (BotoCoreError, Boto3Error) as error:
        raise _unusable(what, error) from None
    value: str | bytes = answer["SecretString"] if "SecretString" in answer else answer["SecretBinary"]
    return value


def _refused(what: str, answer: Mapping[str, Any]) -> HallmarkError:
    code = str(answer.get("Error", {}).get("Code", "unknown"))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code.startswith(_MISSING):
        return ConfigurationError(
            what, f"there is no such secret ({code})", "make it, or correct the block's name of it"
        )
    if code.startswith(_BUSY):
        return UnreachableError(what, f"AWS answers {code}", "try again in a minute")
    if code.startswith(_DENIED) or status in (401, 403):
        remedy = "let the role of this process do secretsmanager:GetSecretValue on it, and kms:Decrypt on its key"
        return ConfigurationError(what, f"access denied ({code})", remedy)
    return ConfigurationError(what, f"AWS refuses it ({code})", "look up the code in the reference of GetSecretValue")


def _unusable(what: str, error: Exception) -> HallmarkError:
    from botocore.exceptions import ConnectionError as NoConnection
    from botocore.exceptions import HTTPClientError, NoCredentialsError, NoRegionError

    kind = type(error).__name__
    if isinstance(error, NoConnection | HTTPClientError):
        return UnreachableError(what, f"AWS does not answer ({kind})", "check the network, or correct AWS_ENDPOINT_URL")
    if isinstance(error, NoCredentialsError | NoRegionError):
        return ConfigurationError(what, f"AWS credentials or region are missing ({kind})", "set them in the block")
    return ConfigurationError(what, f"AWS cannot be asked ({kind})", "correct the block and its AWS credentials")


def _text(what: str, value: str | bytes) -> str:
    try:
        return value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(what, "it is no text", "store it as text, or as a JSON object") from None


def _field(what: str, text: str, field: str) -> SecretStr:
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    value = content.get(field) if isinstance(content, dict) else text
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            what, f"it has no text under {field}" if isinstance(content, dict) else "it is empty",
            f'store the secret alone, or as {{"{field}": …}}',
        )  # fmt: skip
    return SecretStr(value)
