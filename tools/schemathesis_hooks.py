"""Rules for Schemathesis that the API's definition cannot express."""

import json
import os
import pathlib
import re
import urllib.request

import schemathesis

DELETABLE = iter(pathlib.Path("deletable-now.txt").read_text().split())
KEPT = set(pathlib.Path("kept.txt").read_text().split())


@schemathesis.deserializer("text/csv")
def table(_context, response):
    """Returns CSV as text, the type in its schema."""
    return response.text


@schemathesis.deserializer("audio/*")
def audio(_context, response):
    """Returns audio as hexadecimal text. It has no schema."""
    return response.content.hex()


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Replaces a recording from the examples and dictionaries in a DELETE by one that no other request uses.

    Otherwise the recordings would be gone after a few requests, and the rest of the run would get only 404. Recordings
    from lists are not replaced.
    """
    if case.method.upper() == "DELETE" and (case.path_parameters or {}).get("recording_id") in KEPT:
        release_holds()
        case.path_parameters["recording_id"] = next(DELETABLE, None) or case.path_parameters["recording_id"]


def release_holds():
    """Releases all legal holds. Generated ones cover the whole account, and nothing could be deleted any more."""

    def send(path, method="GET", body=None):
        url = f"{os.environ['API']}/v2/accounts/{os.environ['ACCOUNT']}/recordings/holds{path}"
        headers = {"X-Auth-Token": os.environ["TOKEN"], "Content-Type": "application/json"}
        return urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=30)

    with send("") as answer:
        holds = json.load(answer)["data"]
    for hold in holds:
        send("/" + hold["id"], "DELETE", b'{"data": {"reason": "the test goes on"}}').close()


@schemathesis.hook
def filter_failure(_context, failure, case, response):
    """Drops failures in which the server is right, although no schema can express why."""
    return not (
        failure.code == "ST202" and (rejected_by_value(case, response) or stored_nothing(case, response))
        or failure.code == "ST201" and accepted_by_meaning(case, response)
        or failure.code == "ST201" and "/storage/" in case.path  # any bytes are a valid body here
        or failure.code in ("ST101", "ST102", "ST202") and transient(case, response)
        or hidden_type(case, response)
    )


def rejected_by_value(case, response):
    """Returns whether a well-formed request was rejected for its values.

    These are a cursor that the server did not create, a range of time that ends before it begins, a Unix time, an
    announced upload together with a url, an integer that is written with a fraction, and a name with control
    characters or with more bytes than characters.
    """
    if response.status_code != 400 or response.json()["message"] != "validation error":
        return False
    data = response.json()["data"]
    return (
        set(data) == {"start_key"}
        or all(beyond_schema(name, rules) for name, rules in data.items())
        or case.method.upper() == "POST" and case.path.endswith("/jobs") and all(wrong_for_action(*rule) for rule in data.items())
        or list(data.get("upload", {})) == ["wrong_format"]
        or list(data.get("data", {})) == ["wrong_format"]
        or all(wrong_time(name, rules) or written_as_fraction(rules) for name, rules in data.items())
    )


# Fields and the rules about them that a schema cannot express: a cursor from another place, a search of deleted
# recordings, a reason that may also be in the query, a range that ends before it begins, a subject of a job that is not
# exactly one, a rule of a policy that contradicts itself or another rule, and a URL that webhooks must not have.
BEYOND_SCHEMA = {
    "cursor": {"wrong_format"}, "search": {"unsupported"}, "reason": {"required"}, "to": {"wrong_format"},
    "number": {"wrong_format", "required"}, "url": {"wrong_format"}, "account": {"required", "forbidden", "wrong_format"},
    "filter": {"unsupported"}, "sort": {"date_range", "enum"},
}


def beyond_schema(name, rules):
    """Returns whether a field was rejected for a rule that no schema can express."""
    return set(rules) <= BEYOND_SCHEMA.get(name, set()) or re.match(r"rules\.\d+\.", name) is not None


# The members of a job's body that some actions take and others do not, and those that an action requires (contract, Jobs).
# The schema has them all in one object, because generators of clients cannot tell its alternatives apart.
JOB_MEMBERS = {"number", "filter", "ids", "account", "user_metadata", "case", "reason"}
JOB_REQUIRED = {"user_metadata", "case", "reason"}


def wrong_for_action(name, rules):
    """Returns whether a member of a job's body does not fit its action, or is a filter with a bad parameter."""
    return (
        set(rules) == {"additionalProperties"} and name in JOB_MEMBERS
        or set(rules) == {"required"} and name in JOB_REQUIRED
        or name.startswith("filter.")
    )


def stored_nothing(case, response):
    """A storage request without audio is a 400. Generators cannot compile a minimal length of a file."""
    return "/storage/" in case.path and response.status_code == 400 and not case.body


def transient(case, response):
    """Returns whether a storage request met the removal of earlier audio with the same name. The client retries it.

    The generated audio is rejected and moved out of the way within milliseconds, while the next request with the
    example's name arrives.
    """
    full = case.path.endswith("/jobs") and response.status_code == 429  # an account has a limited number of jobs
    return full or "/storage/" in case.path and response.status_code == 503 and "retry-after" in response.headers


def wrong_time(name, rules):
    """A range that ends before it begins, or a Unix time, for which the answer has the Gregorian one (contract, List)."""
    return name in TIMES and (set(rules) == {"date_range"} or set(rules) == {"wrong_format"} and "target" in rules["wrong_format"])


def written_as_fraction(rules):
    """15.0 is an integer in JSON Schema, but not in Kazoo, whose rule applies here (contract, Create)."""
    broken = rules.get("type", {})
    return set(rules) == {"type"} and broken.get("target") == "integer" and isinstance(broken.get("value"), float)


def accepted_by_meaning(case, response):
    """Returns whether only parameters are invalid that the server ignores, or takes in another form.

    These are page_size and start_key if paging is off, delivery if the client gets the document, fields beside a JSON
    body, and values that a description allows (contract, List, Document or audio, and Create).
    """
    data = case.meta.phase.data
    wrong = {m.parameter for m in getattr(data, "mutations", None) or []} or {getattr(data, "parameter", None)}
    query = case.query or {}
    whole = case.path_parameters.get("version") == "v1" or query.get("paginate", "true") != "true"
    document = response.headers.get("content-type", [""])[0] == "application/json" or response.status_code == 304
    whole = whole or case.path.endswith("/holds") and query.get("released") != "true"  # active holds come at once
    ignored = ({"page_size", "start_key"} if whole else set()) | ({"delivery"} if document else set())
    if UNKNOWN in query:
        ignored |= {None, UNKNOWN}
    if case.method.upper() == "PUT" and case.media_type == "application/json":
        ignored |= FIELDS
    ignored |= {name for name in wrong if name in query and accepted_value(name, query[name])}
    return wrong <= ignored


def hidden_type(case, response):
    """Returns whether the client asked for a type that the definition has in x-content, out of sight of generators.

    These are a list as CSV, and audio on the path of the document.
    """
    kind = response.headers.get("content-type", [""])[0]
    is_list = case.path.endswith("/recordings")
    is_audio = kind.startswith("audio/") and not case.path.endswith(("/audio", "/recordings"))
    return response.status_code in (200, 206) and (kind == "text/csv" and is_list or is_audio and "/recordings/" in case.path)


# A query parameter that Schemathesis invents. Unknown ones are ignored (contract, Routes).
UNKNOWN = "x-schemathesis-unknown-property"

# The document's fields as parameters, which are for audio in the body.
FIELDS = {"id", "from", "to", "direction", "start", "owner_id"}

# What counts as absent, and the numbers that are accepted beside integers (contract, List).
ABSENT = {"", "undefined", "null"}
TIMES = {"created_from", "created_to", "modified_from", "modified_to"}


def accepted_value(name, value):
    """Returns whether the server accepts a value that violates the schema: the description of the parameter has it."""
    text = "null" if value is None else str(value[0] if isinstance(value, list) and value else value)
    if name in TIMES:
        number, date = r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[-+ ]\d\d:\d\d)"
        return text in ABSENT | {"NaN"} or re.fullmatch(f"{number}|{date}", text, re.I) is not None
    if name == "page_size" and text.isdigit():
        return int(text) > 0  # a number above 1000 is served as 1000
    return name in {"page_size", "start_key", "delivery", "action", "confirm", "from", "by", "cursor"} and text in ABSENT
