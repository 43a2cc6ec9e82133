"""What schemathesis cannot read in the OpenAPI document, because only its words or the running host say it."""

import itertools
import os

import schemathesis

# The keys that everything is tried with, and their teams: once they are revoked or changed, nothing is tried any more.
KEYS = set(os.environ["TRIED_KEYS"].split())
TEAMS = set(os.environ["TRIED_TEAMS"].split())

CHATS = ("/api/v1/chat", "/api/v1/chat/stream")
COMPLETIONS = "/v1/chat/completions"

WEBHOOKS = ("/api/v1/admin/{team_id}/webhook", "/api/v1/team/webhook")
REDELIVERIES = tuple(f"{webhook}/redeliver" for webhook in WEBHOOKS)

numbers = itertools.count(10_000_000)


@schemathesis.hook
def before_call(context, case, kwargs):
    spare_the_keys(case)
    if case.meta is None:
        return
    is_stateful = case.meta.phase.name.value.lower() == "stateful"
    if is_stateful and case.method == "DELETE" and "/api-keys/{id}" in case.operation.path:
        # It is asked whether what was deleted is gone; a key that is only revoked stays, and can be changed.
        case.query = {**(case.query or {}), "permanent": "true"}
    if case.meta.generation.mode.is_positive:
        use_no_idempotency_key_twice(case)
        name_an_event_that_was(case)
        if case.operation.path in WEBHOOKS and isinstance(case.body, dict):
            name_a_target(case.body)
        if case.operation.path in REDELIVERIES and isinstance(case.body, dict):
            case.body.update({"from": "2026-11-20T00:00:00Z", "to": "2100-01-01T00:00:00+03:30"})
        if case.operation.path == COMPLETIONS and isinstance(case.body, dict):
            ask_something(case.body)
        if case.operation.path in CHATS and isinstance(case.body, dict):
            say_something(case.body)
            if is_stateful:
                # Another message would open the session again that was deleted.
                case.body["chat_id"] = f"{next(numbers)}{case.body['chat_id'][:100]}"


def spare_the_keys(case):
    spared = KEYS if "/api-keys/{id}" in case.operation.path else TEAMS if "/teams/{id}" in case.operation.path else ()
    if case.method != "GET" and str(case.path_parameters.get("id")) in spared:
        case.path_parameters["id"] = 1


def use_no_idempotency_key_twice(case):
    """With another body a key that was used is refused, as it should be."""
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None:
        number = str(next(numbers))
        case.headers["Idempotency-Key"] = number + (key[len(number) :] if len(key) > 200 else key)


def name_an_event_that_was(case):
    if (case.headers or {}).get("Last-Event-ID") is not None:
        case.headers["Last-Event-ID"] = "0"


def name_a_target(webhook):
    """Where events may go to is a matter of configuration; here nobody listens. What begins with whsec_ must go on so."""
    webhook["webhook_url"] = "https://127.0.0.1:9/hook"
    if str(webhook.get("webhook_secret")).startswith("whsec_"):
        webhook["webhook_secret"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
def ask_something(request):
    """Which models there are is a matter of configuration; only what an assistant said may be without a text."""
    request["model"] = "offline/assistant"
    for message in request["messages"]:
        if message.get("content") is None:
            message["content"] = "Hello"


def say_something(message):
    """Which platforms and models there are is a matter of configuration; what an attachment is, one of its bytes."""
    message.pop("platform", None)
    message.pop("model", None)
    for attachment in message.get("attachments", []):
        attachment["kind"] = "document"
        if attachment.get("url") is not None:
            attachment.pop("data", None)
        else:
            attachment["data"] = "aGVsbG8="
    if not message["text"].strip() and not message.get("attachments"):
        message["text"] = "Hello"
