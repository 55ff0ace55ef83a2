"""Where .ci/fuzz departs from the document that it reads."""

import schemathesis

NAME_MAX = 255


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Removes the example of each Idempotency-Key, and allows null as the body of a chat, which may have none.

    The example is a single key. Sent with different bodies, it is refused from the second on, and most creations would
    not be tried. Some generated clients send null for an omitted body; if the document said so, all of them would get
    a type for it.
    """
    for item in raw_schema["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "Idempotency-Key":
                    parameter.pop("example", None)
    chat = raw_schema["paths"]["/applications/{token}/chats"]["post"]["requestBody"]["content"]["application/json"]
    chat["schema"] = {"anyOf": [chat["schema"], {"type": "null"}]}


@schemathesis.hook
def filter_body(context, body):
    """Skips names that are too long only before they are trimmed: they are valid, which a schema cannot express."""
    name = body.get("name") if isinstance(body, dict) else None
    return not isinstance(name, str) or len(name) <= NAME_MAX or len(name.strip()) > NAME_MAX
