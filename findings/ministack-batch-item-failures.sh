#!/usr/bin/env bash
# MiniStack 1.5.33, an emulator of AWS: an SQS event source with ReportBatchItemFailures deletes the whole batch when the
# function names the failed message by an itemIdentifier that is empty, null, of no message of the batch, or under another
# key. AWS Lambda counts such a batch as failed as a whole, and every message comes again ("Success and failure
# conditions" of partial batch responses in the Lambda developer guide). So a function that reports failures wrongly
# loses messages in the emulator, and there the fault looks like success.
# Seen on 2026-11-28 (batches of two messages; those that are left stay invisible for their visibility timeout):
#   throws: 2 left
#   {"batchItemFailures":[]}: 0 left
#   {"batchItemFailures":[{"itemIdentifier":"<first>"}]}: 1 left
#   {"batchItemFailures":[{"itemIdentifier":""}]}: 0 left
#   {"batchItemFailures":[{"itemIdentifier":null}]}: 0 left
#   {"batchItemFailures":[{"itemIdentifier":"unknown"}]}: 0 left
#   {"batchItemFailures":[{"messageId":"<first>"}]}: 0 left
set -euo pipefail
folder=$(mktemp -d)
port=${PORT:-38475}
trap 'kill "${server:-0}" 2>/dev/null && wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ministack==1.5.33 botocore==1.43.106
mkdir temporary
TMPDIR=$folder/temporary BIND_HOST=127.0.0.1 GATEWAY_PORT=$port venv/bin/python -m ministack >log 2>&1 &
server=$!
for _ in $(seq 60); do curl -s -o /dev/null "http://127.0.0.1:$port/_ministack/health" && break; sleep 1; done
cat >ask.py <<'PY'
import io
import json
import sys
import time
import zipfile

from botocore.session import Session

# Answers with the text of the messages, where <first> stands for the id of the first.
FUNCTION = """
import json

def handler(event, context):
    first = event["Records"][0]
    if first["body"] == "throws":
        raise Exception("failed")
    assert len(event["Records"]) == 2
    return json.loads(first["body"].replace("<first>", first["messageId"]))
"""
ANSWERS = ["throws"] + [
    json.dumps({"batchItemFailures": failures}, separators=(",", ":"))
    for failures in (
        [],
        [{"itemIdentifier": "<first>"}],
        [{"itemIdentifier": ""}],
        [{"itemIdentifier": None}],
        [{"itemIdentifier": "unknown"}],
        [{"messageId": "<first>"}],
    )
]
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


def client(service):
    place = {"region_name": "us-east-1", "endpoint_url": f"http://127.0.0.1:{sys.argv[1]}"}
    return Session().create_client(service, aws_access_key_id="test", aws_secret_access_key="test", **place)


functions, queues = client("lambda"), client("sqs")
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("answer.py", FUNCTION)
version = f"python3.{sys.version_info.minor}"
role = "arn:aws:iam::000000000000:role/answer"
functions.create_function(
    FunctionName="answer", Runtime=version, Role=role, Handler="answer.handler", Code={"ZipFile": code.getvalue()}
)
functions.get_waiter("function_active_v2").wait(FunctionName="answer")

batches = []
for number, answer in enumerate(ANSWERS):
    url = queues.create_queue(QueueName=f"queue-{number}", Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queues.send_message_batch(QueueUrl=url, Entries=[{"Id": name, "MessageBody": answer} for name in ("a", "b")])
    mapping = functions.create_event_source_mapping(
        FunctionName="answer", EventSourceArn=arn, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    batches.append((answer, url, mapping["UUID"]))

for answer, url, mapping in batches:
    for _ in range(100):
        result = functions.get_event_source_mapping(UUID=mapping)["LastProcessingResult"]
        if result.startswith(("OK", "FAILED")):
            break
        time.sleep(0.2)
    counts = queues.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
    print(f"{answer}: {sum(int(counts[name]) for name in COUNTS)} left")
    print(f"  {answer}: {result}", file=sys.stderr)
PY
venv/bin/python ask.py "$port" | tee seen
diff seen - <<'SEEN'
throws: 2 left
{"batchItemFailures":[]}: 0 left
{"batchItemFailures":[{"itemIdentifier":"<first>"}]}: 1 left
{"batchItemFailures":[{"itemIdentifier":""}]}: 0 left
{"batchItemFailures":[{"itemIdentifier":null}]}: 0 left
{"batchItemFailures":[{"itemIdentifier":"unknown"}]}: 0 left
{"batchItemFailures":[{"messageId":"<first>"}]}: 0 left
SEEN
