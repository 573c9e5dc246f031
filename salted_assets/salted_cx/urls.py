"""Which URLs may be opened, and how a URL may be spoken of.

They are read by the parser that also opens them, so that no URL means one host here and another there.
"""

import httpx

from salted_assets.salted_cx.exceptions import ApiUrlRefused, DownloadUrlRefused

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def describe_url(address: str) -> str:
    """Give scheme, host and port of an address, or "an unreadable address" if it has none.

    The query holds the signature. The path is left out as well: a store may put a token there, and no diagnosis
    needs it beside the dataset's name.
    """
    url = _parse(address)
    return "an unreadable address" if url is None else _describe(url)


def check_origin(address: str) -> str:
    """Give the API's origin, without a trailing slash.

    Raises ApiUrlRefused for anything but https (or http on loopback), and for a login, path, query or fragment:
    the vendor's paths are documented from the root.
    """
    url = _parse(address.strip())
    if url is None:
        raise ApiUrlRefused("the API's address cannot be read as an origin")
    problem = None
    if not _is_encrypted(url, loopback_allowed=True):
        problem = "is neither https nor on loopback"
    elif url.userinfo:
        problem = "carries a login"
    elif url.path not in {"", "/"} or url.query or url.fragment:
        problem = "is followed by a path, a query or a fragment"
    if problem is not None:
        raise ApiUrlRefused(f"the API's address, at {_describe(url)}, {problem}")
    return _describe(url)


def is_loopback(address: str) -> bool:
    """Say whether an address names this machine itself."""
    url = _parse(address)
    return url is not None and url.host in LOOPBACK_HOSTS


def check_download_address(address: str, *, dataset: str, export_id: str, loopback_allowed: bool) -> None:
    """Raise DownloadUrlRefused unless the address may be opened.

    It may if it is https, or http on loopback where `loopback_allowed` (the API itself is on loopback). A login in
    it is refused: it would become an Authorization header.
    """
    url = _parse(address)
    problem = None
    if url is None:
        problem = "cannot be read"
    elif not _is_encrypted(url, loopback_allowed=loopback_allowed):
        problem = f"at {_describe(url)} is not https"
    elif url.userinfo:
        problem = f"at {_describe(url)} carries a login"
    if problem is not None:
        raise DownloadUrlRefused(f"the download address of {dataset} {problem}", export_id=export_id)


def resolve_redirect(address: str, location: str) -> str:
    """Give the absolute address that a Location header means; an empty text, which no check lets pass, if none."""
    try:
        return str(httpx.URL(address).join(location))
    except (httpx.InvalidURL, ValueError):
        return ""


def _parse(address: str) -> httpx.URL | None:
    if not address.isascii() or not address.isprintable() or " " in address or "\\" in address:
        return None
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        return None
    return url if url.scheme and url.host else None


def _describe(url: httpx.URL) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}" if url.port is None else f"{url.scheme}://{host}:{url.port}"


def _is_encrypted(url: httpx.URL, *, loopback_allowed: bool) -> bool:
    return url.scheme == "https" or (url.scheme == "http" and loopback_allowed and url.host in LOOPBACK_HOSTS)
