// Verifies deliveries with the library of Standard Webhooks from npm: a JSON object a line in, `true` or `false` out.
const readline = require("node:readline");
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { secret, body, headers } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("true");
  } catch (fault) {
    if (!(fault instanceof WebhookVerificationError)) throw fault;
    console.log("false");
  }
});
