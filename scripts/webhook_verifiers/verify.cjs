// Verifies deliveries with the library of Standard Webhooks from npm: a JSON object a line in, `true` or `false` out.
const fs = require("node:fs");
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

// Not by readline, for which a line ends at U+2028 too, which may stand in JSON as it is.
for (const line of fs.readFileSync(0, "utf8").trimEnd().split("\n")) {
  const { secret, body, headers } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("true");
  } catch (fault) {
    if (!(fault instanceof WebhookVerificationError)) throw fault;
    console.log("false");
  }
}
