"""Verifies deliveries with the library of Standard Webhooks from PyPI: a JSON object a line in, `true` or `false` out."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    delivery = json.loads(line)
    try:
        Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
        print("true")
    except WebhookVerificationError:
        print("false")
