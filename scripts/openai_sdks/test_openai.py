"""What a program gets that uses OpenAI's client for Python with another base URL and key, and nothing else changed."""

import asyncio
import contextlib
import io
import json
import os
import pathlib
import time
import unittest
import urllib.request

import openai

MODEL = "openai/gpt-5-chat"
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def client(key="ARASH_KEY", url="ARASH_URL", **settings):
    settings = {"max_retries": 0, "timeout": 20} | settings
    return openai.OpenAI(base_url=os.environ[url] + "/v1", api_key=os.environ.get(key, key), **settings)


def says(text):
    return [{"role": "user", "content": text}]


def ask(text, by=None, **more):
    return (by or client()).chat.completions.create(model=MODEL, messages=says(text), **more)


def newest_usage():
    request = urllib.request.Request(
        os.environ["ARASH_URL"] + "/api/v1/admin/usage/recent?limit=1",
        headers={"Authorization": "Bearer " + os.environ["ARASH_KEY"]},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["items"][0]


class Whole(unittest.TestCase):
    def test_an_answer(self):
        answer = ask("Hello")
        self.assertEqual(answer.choices[0].message.content, "You said: Hello.")
        self.assertEqual((answer.choices[0].finish_reason, answer.object), ("stop", "chat.completion"))
        self.assertEqual((answer.usage.prompt_tokens, answer.usage.completion_tokens), (11, 7))
        self.assertTrue(answer._request_id)
        row = newest_usage()
        self.assertEqual((row["kind"], row["prompt_tokens"], row["completion_tokens"]), ("completion", 11, 7))
        self.assertEqual((row["estimated"], row["success"], row["session_id"]), (False, True, None))

    def test_fields_that_nobody_here_knows_go_on(self):
        answer = ask("Hello", temperature=0.25, seed=7, user="sara", extra_body={"top_k": 5, "of_tomorrow": {"a": [1]}})
        seen = answer.model_extra["seen"]
        self.assertEqual((seen["temperature"], seen["seed"], seen["user"]), (0.25, 7, "sara"))
        self.assertEqual((seen["top_k"], seen["of_tomorrow"]), (5, {"a": [1]}))

    def test_many_at_once(self):
        async def all_of_them():
            url, key = os.environ["ARASH_URL"] + "/v1", os.environ["ARASH_KEY"]
            async with openai.AsyncOpenAI(base_url=url, api_key=key) as by:
                asked = [by.chat.completions.create(model=MODEL, messages=says(str(n))) for n in range(30)]
                return [answer.choices[0].message.content for answer in await asyncio.gather(*asked)]

        self.assertEqual(asyncio.run(all_of_them()), [f"You said: {n}." for n in range(30)])


class Streamed(unittest.TestCase):
    def test_pieces_come_one_by_one(self):
        pieces, times = [], []
        for chunk in ask("Hello", stream=True):
            self.assertTrue(chunk.choices, "nobody asked for the usage")
            if chunk.choices[0].delta.content:
                pieces.append(chunk.choices[0].delta.content)
                times.append(time.monotonic())
        self.assertEqual(pieces, ["You said: ", "Hello", "."])
        self.assertGreater(times[-1] - times[0], 0.05)
        self.assertEqual(chunk.choices[0].finish_reason, "stop")

    def test_usage_for_those_who_ask_for_it(self):
        *chunks, last = ask("Hello", stream=True, stream_options={"include_usage": True})
        self.assertTrue(all(chunk.choices for chunk in chunks))
        self.assertEqual((last.choices, last.usage.total_tokens), ([], 18))

    def test_the_helper_of_the_client(self):
        with client().chat.completions.stream(model=MODEL, messages=says("Hello")) as stream:
            for _ in stream:
                pass
            answer = stream.get_final_completion()
        self.assertEqual(answer.choices[0].message.content, "You said: Hello.")

    def test_a_stream_that_is_dropped_is_metered(self):
        stream = ask("Goodbye", stream=True)
        next(iter(stream))
        stream.close()
        for _ in range(50):
            row = newest_usage()
            if (row["prompt_tokens"], row["completion_tokens"]) == (11, 7):
                break
            time.sleep(0.1)
        self.assertEqual((row["kind"], row["completion_tokens"], row["success"]), ("completion", 7, True))

    def test_a_stream_that_breaks_off_raises(self):
        pieces = []
        with self.assertRaises(openai.APIError) as raised:
            for chunk in ask("break", stream=True):
                pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        self.assertEqual(pieces, ["You said: "])
        self.assertNotIn("canary", str(raised.exception))


class Tools(unittest.TestCase):
    def talk(self, call):
        result = {"role": "tool", "tool_call_id": call.id, "content": "Sunny"}
        called = {"role": "assistant", "content": None, "tool_calls": [call.model_dump(exclude={"index", "parsed_arguments"})]}
        messages = [*says("tools"), called, result]
        answer = client().chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
        self.assertEqual(answer.choices[0].message.content, "You said: tools.")
        self.assertEqual(answer.model_extra["seen"]["messages"][2], result)

    def test_a_call_and_its_result(self):
        answer = ask("tools", tools=[WEATHER])
        (call,) = answer.choices[0].message.tool_calls
        self.assertEqual((call.id, call.function.name), ("call_1", "weather"))
        self.assertEqual(json.loads(call.function.arguments), {"city": "Tehran"})
        self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
        self.assertEqual(answer.model_extra["seen"]["tools"], [WEATHER])
        self.talk(call)

    def test_a_call_in_pieces(self):
        with client().chat.completions.stream(model=MODEL, messages=says("tools"), tools=[WEATHER]) as stream:
            for _ in stream:
                pass
            answer = stream.get_final_completion()
        (call,) = answer.choices[0].message.tool_calls
        self.assertEqual((call.id, call.function.arguments), ("call_1", '{"city": "Tehran"}'))
        self.talk(call)


class Images(unittest.TestCase):
    def test_a_picture_reaches_the_model(self):
        shown = {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}
        messages = [{"role": "user", "content": [{"type": "text", "text": "Look"}, shown]}]
        answer = client().chat.completions.create(model=MODEL, messages=messages)
        self.assertEqual(answer.choices[0].message.content, "You said: Look.")
        self.assertEqual(answer.model_extra["seen"]["messages"], messages)


class Models(unittest.TestCase):
    def test_the_models_of_a_key(self):
        self.assertEqual([model.id for model in client().models.list()], [MODEL, "openai/other"])
        self.assertEqual([model.id for model in client("ARASH_OTHER_MODELS_KEY").models.list()], ["openai/other"])

    def test_one_model(self):
        self.assertEqual(client().models.retrieve("openai/other").id, "openai/other")
        with self.assertRaises(openai.NotFoundError):
            client().models.retrieve("openai/none")


class Refused(unittest.TestCase):
    def refused(self, kind, status, by=None, text="Hello", **more):
        with self.assertRaises(kind) as raised:
            ask(text, by, **more)
        fault = raised.exception
        self.assertIs(type(fault), kind)
        self.assertEqual(fault.status_code, status)
        self.assertTrue(fault.request_id)
        self.assertTrue(fault.body["message"] and fault.body["type"])
        self.assertNotIn("canary", str(fault))
        return fault

    def test_a_request_that_cannot_be_read_is_400(self):
        fault = self.refused(openai.BadRequestError, 400, extra_body={"messages": "Hello"})
        self.assertEqual((fault.type, fault.param), ("invalid_request_error", "messages"))

    def test_an_unknown_key_is_401(self):
        self.refused(openai.AuthenticationError, 401, client("sk-nobody"))

    def test_a_model_of_others_is_403(self):
        self.refused(openai.PermissionDeniedError, 403, client("ARASH_OTHER_MODELS_KEY"))

    def test_an_unknown_model_is_404(self):
        fault = self.refused(openai.NotFoundError, 404, extra_body={"model": "openai/none"})
        self.assertEqual((fault.code, fault.param), ("model_not_found", "model"))
        with self.assertRaises(openai.NotFoundError):
            client().embeddings.create(model=MODEL, input="Hello")

    def test_a_quota_that_is_used_up_is_429(self):
        fault = self.refused(openai.RateLimitError, 429, client("ARASH_USED_UP_KEY"))
        self.assertEqual(fault.code, "insufficient_quota")

    def test_what_the_model_does_not_take_is_400(self):
        fault = self.refused(openai.BadRequestError, 400, text="status 400")
        self.assertEqual((fault.type, fault.code), ("invalid_request_error", "ai_service_refused"))

    def test_a_model_that_fails_is_502(self):
        self.refused(openai.InternalServerError, 502, text="status 500")
        self.refused(openai.InternalServerError, 502, text="status 500", stream=True)

    def test_a_model_that_is_too_slow_is_504(self):
        self.refused(openai.InternalServerError, 504, text="slow")


class Offline(unittest.TestCase):
    def offline(self, **more):
        by = client("ARASH_OFFLINE_KEY", "ARASH_OFFLINE_URL")
        return by.chat.completions.create(model="offline/assistant", messages=says("Hello"), **more)

    def test_an_answer(self):
        answer = self.offline()
        self.assertIn("offline", answer.choices[0].message.content)
        self.assertEqual((answer.object, answer.choices[0].finish_reason), ("chat.completion", "stop"))
        self.assertGreater(answer.usage.total_tokens, 0)
        self.assertTrue(answer.id.startswith("chatcmpl-"))

    def test_a_stream(self):
        *chunks, last = self.offline(stream=True, stream_options={"include_usage": True})
        self.assertGreater(len(chunks), 5)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
        self.assertEqual({chunk.id for chunk in [*chunks, last]}, {last.id})
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        self.assertEqual(text, self.offline().choices[0].message.content)
        self.assertGreater(last.usage.completion_tokens, 0)


class Readme(unittest.TestCase):
    def test_its_block_does_what_it_says(self):
        readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
        (chapter,) = [chapter for chapter in readme.split("\n## ") if chapter.startswith("Any OpenAI client")]
        block = chapter.split("```python\n")[1].split("```")[0]
        for written, here in [("http://127.0.0.1:3000", "ARASH_OFFLINE_URL"), ("sk_live_…", "ARASH_OFFLINE_KEY")]:
            self.assertIn(written, block)
            block = block.replace(written, os.environ[here])
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(block, {})
        self.assertIn("Sara", said.getvalue())


if __name__ == "__main__":
    unittest.main()
