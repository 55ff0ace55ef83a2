import os
import time
import uuid
from typing import get_args, get_type_hints

from api import AuthenticatedClient
from api.api.applications import create_application, delete_application
from api.api.chats import create_chat, delete_chat
from api.api.messages import create_message, delete_message, get_message, list_messages, search_messages

SEARCH_LIMIT_S = 30  # search may lag by some seconds, on a busy machine by more

client = AuthenticatedClient(
    base_url=os.environ["BASE_URL"],
    token=os.environ.get("ADMIN_API_KEY", "none"),
    prefix="",
    auth_header_name="x-api-key",
)


def body(call, **fields):
    """Returns a body for a call, of the first type in its signature."""
    taken = get_type_hints(call.sync_detailed)["body"]
    return (get_args(taken) or [taken])[0](**fields)


def answer(call, *path, **options):
    """Returns the answer of a call. Raises with its problem unless it is the documented success."""
    answered = call.sync_detailed(*path, client=client, **options)
    assert answered.status_code in (200, 201, 204), answered.content
    return answered.parsed


token = answer(create_application, body=body(create_application, name="Walk")).token
unnamed = answer(create_chat, token)
assert (unnamed.number, unnamed.name) == (1, None), unnamed
chat = answer(create_chat, token, body=body(create_chat, name="Order")).number

key = str(uuid.uuid4())
one = body(create_message, body="Grüße & one")
sent = [answer(create_message, token, chat, body=one, idempotency_key=key).number for _ in range(2)]
assert sent == [1, 1], sent
assert answer(create_message, token, chat, body=body(create_message, body="two")).number == 2

first = answer(list_messages, token, chat, limit=1)
assert first.next_cursor, first
last = answer(list_messages, token, chat, limit=1, cursor=first.next_cursor)
assert [message.body for message in first.data + last.data] == ["Grüße & one", "two"], (first, last)
assert last.next_cursor is None, last

end = time.monotonic() + SEARCH_LIMIT_S
while (found := answer(search_messages, token, chat, query="grusse &")).total == 0 and time.monotonic() < end:
    time.sleep(0.25)
assert found.total == 1, found
assert (found.data[0].number, found.data[0].highlight) == (1, "<em>Grüße &amp;</em> one"), found

missing = get_message.sync_detailed(token, chat, 99, client=client)
assert (missing.status_code, missing.parsed.code) == (404, "not_found"), missing

answer(delete_message, token, chat, 1)
answer(delete_chat, token, chat)
answer(delete_application, token)
