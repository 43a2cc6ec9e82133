// What a program gets that uses OpenAI's client for JavaScript with another base URL and key, and nothing else changed.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const MODEL = "openai/gpt-5-chat";
const PICTURE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "Tells the weather.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const { env } = process;

const client = (apiKey = env.ARASH_KEY, url = env.ARASH_URL) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: 20_000 });
const says = (content) => [{ role: "user", content }];
const ask = (content, more = {}, by = client()) =>
  by.chat.completions.create({ model: MODEL, messages: says(content), ...more });

async function all(stream) {
  const chunks = [];
  for await (const chunk of await stream) chunks.push(chunk);
  return chunks;
}

test("an answer", async () => {
  const answer = await ask("Hello", { temperature: 0.25, of_tomorrow: { a: [1] } });
  assert.equal(answer.choices[0].message.content, "You said: Hello.");
  assert.equal(answer.usage.total_tokens, 18);
  assert.deepEqual([answer.seen.temperature, answer.seen.of_tomorrow], [0.25, { a: [1] }]);
  assert.ok(answer._request_id);
});

test("a stream", async () => {
  const chunks = await all(ask("Hello", { stream: true }));
  const pieces = chunks.map((chunk) => chunk.choices[0].delta.content).filter(Boolean);
  assert.deepEqual(pieces, ["You said: ", "Hello", "."]);
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
});

test("a stream with its usage", async () => {
  const chunks = await all(ask("Hello", { stream: true, stream_options: { include_usage: true } }));
  assert.deepEqual([chunks.at(-1).choices, chunks.at(-1).usage.total_tokens], [[], 18]);
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.choices.length === 1));
});

test("a stream that is dropped leaves the host well", async () => {
  const stream = await ask("Hello", { stream: true });
  for await (const _ of stream) break;
  assert.equal((await ask("Again")).choices[0].message.content, "You said: Again.");
});

test("a stream that breaks off throws", async () => {
  await assert.rejects(all(ask("break", { stream: true })), (fault) => {
    assert.ok(fault instanceof OpenAI.APIError);
    assert.doesNotMatch(fault.message, /canary/);
    return true;
  });
});

test("the client runs a tool", async () => {
  const weather = { ...WEATHER, function: { ...WEATHER.function, parse: JSON.parse, function: () => "Sunny" } };
  for (const stream of [false, true]) {
    const asked = { model: MODEL, messages: says("tools"), tools: [weather], stream };
    const runner = client().chat.completions.runTools(asked);
    assert.equal(await runner.finalContent(), "You said: tools.");
    assert.deepEqual(runner.messages.map((message) => message.role), ["user", "assistant", "tool", "assistant"]);
  }
});

test("a picture reaches the model", async () => {
  const messages = says([{ type: "text", text: "Look" }, { type: "image_url", image_url: { url: PICTURE } }]);
  const answer = await client().chat.completions.create({ model: MODEL, messages });
  assert.deepEqual(answer.seen.messages, messages);
});

test("the models of a key", async () => {
  const ids = async (by) => (await all(by.models.list())).map((model) => model.id);
  assert.deepEqual(await ids(client()), [MODEL, "openai/other"]);
  assert.deepEqual(await ids(client(env.ARASH_OTHER_MODELS_KEY)), ["openai/other"]);
  assert.equal((await client().models.retrieve("openai/other")).id, "openai/other");
});

for (const [status, kind, asked] of [
  [400, OpenAI.BadRequestError, () => ask("Hello", { messages: "Hello" })],
  [401, OpenAI.AuthenticationError, () => ask("Hello", {}, client("sk-nobody"))],
  [403, OpenAI.PermissionDeniedError, () => ask("Hello", {}, client(env.ARASH_OTHER_MODELS_KEY))],
  [404, OpenAI.NotFoundError, () => ask("Hello", { model: "openai/none" })],
  [429, OpenAI.RateLimitError, () => ask("Hello", {}, client(env.ARASH_USED_UP_KEY))],
  [502, OpenAI.InternalServerError, () => ask("status 500")],
  [504, OpenAI.InternalServerError, () => ask("slow")],
]) {
  test(`a refusal with ${status}`, async () => {
    await assert.rejects(asked(), (fault) => {
      assert.equal(fault.constructor, kind);
      assert.equal(fault.status, status);
      assert.ok(fault.requestID && fault.error.message && fault.type);
      assert.doesNotMatch(fault.message, /canary/);
      return true;
    });
  });
}

test("the offline assistant", async () => {
  const by = client(env.ARASH_OFFLINE_KEY, env.ARASH_OFFLINE_URL);
  const asked = { model: "offline/assistant", messages: says("Hello") };
  const whole = await by.chat.completions.create(asked);
  const chunks = await all(by.chat.completions.create({ ...asked, stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
});
