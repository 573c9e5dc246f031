"""The API key out of AWS Secrets Manager or the SSM parameter store.

The key is fetched when it is needed and kept nowhere, so that a rotated one is used from the next request on.
"""

from typing import Any

from salted_assets.salted_cx import ApiKeyUnusable, ApiUnavailable, SaltedApiError
from salted_assets.salted_cx.log_silence import silenced

_TALKATIVE = ("boto3", "botocore", "urllib3")
_NEEDS_PATIENCE = {"ThrottlingException", "TooManyRequestsException", "InternalServiceError", "InternalServerError"}
_SERVER_ERROR = 500


class KeySecret:
    """A secret such as `secretsmanager:salted/key` or `ssm:/salted/key` that holds the key and nothing else, as text.

    Credentials, region and endpoint come from the standard AWS variables, files and roles.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._service, _, self._name = uri.partition(":")
        self._client: Any = None

    def __repr__(self) -> str:
        return f"KeySecret({self._uri!r})"

    def read(self) -> str:
        """The key as it is now.

        Raises ApiKeyUnusable where the secret, the rights to it or the AWS settings are missing, or where it holds no
        plain text; ApiUnavailable where AWS did not answer.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - most deployments need no AWS

        try:
            key = self._fetch()
        except (BotoCoreError, ClientError) as error:
            raise self._explain(error) from None
        if not key or key.lstrip().startswith("{"):
            what = "holds JSON" if key else "holds no text"
            raise ApiKeyUnusable(f"{self._uri} {what}", hint="Store the key alone there, as plain text.")
        return key

    def _fetch(self) -> str:
        if self._client is None:
            self._client = _connect(self._service)
        with silenced(*_TALKATIVE):
            if self._service == "ssm":
                return str(self._client.get_parameter(Name=self._name, WithDecryption=True)["Parameter"]["Value"])
            return str(self._client.get_secret_value(SecretId=self._name).get("SecretString", ""))

    def _explain(self, error: Exception) -> SaltedApiError:
        from botocore import exceptions  # noqa: PLC0415 - see read

        response: dict[str, Any] = getattr(error, "response", {})
        code = response.get("Error", {}).get("Code") or type(error).__name__
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        tried = f"the key could not be read from {self._uri}: {code}"
        is_cut_off = isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError))
        if is_cut_off or code in _NEEDS_PATIENCE or status >= _SERVER_ERROR:
            return ApiUnavailable(tried, hint="Wait and try again; AWS or the network is in trouble.")
        hint = "Check SALTED_API_KEY_SECRET, the AWS settings, and that their role may read it."
        return ApiKeyUnusable(tried, hint=hint)


def _connect(service: str) -> Any:
    import boto3  # noqa: PLC0415 - see KeySecret.read
    from botocore.config import Config  # noqa: PLC0415

    patience = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    # a session of its own: boto3's default one is not for several threads
    return boto3.Session().client(service, config=patience)  # type: ignore[call-overload]  # a name known at run time
