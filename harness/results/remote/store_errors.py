"""What the libraries of stores raise, as the reason why a store cannot be used."""

from __future__ import annotations

import re
from json import JSONDecodeError

from harness.results.remote.store import StoreUnavailable

FINAL = "Credential|Auth|ProfileNotFound|ParamValidation"  # errors, by name, that another try would not mend
REFUSED = "EndpointConnection|ClientConnector|ConnectionRefused|gaierror|ServiceRequest"  # nobody answers there
UNREACHED = f"{REFUSED}|[Cc]onnect|Timeout|ServiceResponse"


def is_of(kinds: str, error: object) -> bool:
    """Whether an error is of these kinds, by its name."""
    return re.search(kinds, type(error).__name__) is not None


def unavailable(url: str, done: str, error: Exception) -> StoreUnavailable:
    """Why a store could not be used; addresses in the reason are those of servers, not of objects."""
    text = str(error).partition("\nRequestId:")[0]  # what Azure adds for its support
    if isinstance(error, FileNotFoundError) and "bucket" not in text.lower():
        text = f"there is no such bucket, {text}"
    reason = re.sub(r"(\w+://[^/\s\"']+)[^\s\"']*", r"\1", " ".join(text.split()))
    address = re.search(r"\w+://[^/\s\"']+", reason)
    if is_of(REFUSED, error) and address is not None:
        reason = f"cannot connect to {address[0]}"
    elif not reason and is_of("Timeout", error):
        reason = "no answer"
    else:
        reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    code = getattr(error, "status_code", None) or getattr(error, "code", None)  # of Azure, of Google
    is_forbidden = code in (400, 401, 403, 404) or text.startswith("Forbidden")
    is_invalid = isinstance(error, ValueError) and not isinstance(error, JSONDecodeError | UnicodeError)
    is_final = (
        is_forbidden or is_invalid or isinstance(error, FileNotFoundError | PermissionError) or is_of(FINAL, error)
    )
    done = "reached" if is_of(UNREACHED, error) else done
    remedy = "check its name, the credentials and the connection, and run the command again"
    if is_invalid and (address := re.search(r"[Ii]nvalid endpoint: (\S+)", text)) and "://" not in address[1]:
        remedy = f"write the address of the server as http://{address[1]} or https://{address[1]}"
    return StoreUnavailable(f"the store {url} cannot be {done} ({reason})", remedy, may_pass=not is_final)
