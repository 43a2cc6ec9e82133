"""A service that speaks OpenAI's protocol. What it does is what the last message of the user says:

    status 429      fails with that status
    tools           calls the function that was offered
    break           breaks off in the middle of a stream, with an error in it
    slow            takes longer than anybody waits
    anything else   is said back, in three pieces

Every answer tells by `seen` what was asked.
"""

import contextlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "upstream-key"
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Tehran"}'}}


def text_of(content):
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            return self.send(401, {"error": {"message": "canary", "type": "invalid_request_error"}})
        said = [text_of(message["content"]) for message in asked["messages"] if message["role"] == "user"][-1]
        if said.startswith("status "):
            return self.send(int(said.split()[1]), {"error": {"message": "canary", "type": "server_error"}})
        if said == "slow":
            time.sleep(5)
        calls = said == "tools" and asked["messages"][-1]["role"] != "tool"
        pieces = ["You said: ", said, "."] if not calls else []
        # Who waits no longer has hung up.
        with contextlib.suppress(ConnectionError):
            (self.stream if asked.get("stream") else self.answer)(asked, pieces, said)

    def answer(self, asked, pieces, _):
        message = {"role": "assistant", "content": "".join(pieces) or None}
        if not pieces:
            message["tool_calls"] = [CALL]
        finish = "stop" if pieces else "tool_calls"
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        self.send(200, {"id": "chatcmpl-up", "object": "chat.completion", "created": 1, "model": asked["model"],
                        "choices": [choice], "usage": USAGE, "seen": asked})

    def stream(self, asked, pieces, said):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.delta(asked, {"role": "assistant", "content": ""})
        for piece in pieces:
            self.delta(asked, {"content": piece})
            if said == "break":
                self.event({"error": {"message": "canary", "type": "server_error"}})
                return self.chunk(b"")
            time.sleep(0.05)
        for argument in [] if pieces else ["", '{"city": ', '"Tehran"}']:
            function = {"arguments": argument} if argument else {"name": "weather", "arguments": ""}
            call = {"index": 0, "function": function} | ({} if argument else {"id": "call_1", "type": "function"})
            self.delta(asked, {"tool_calls": [call]})
        self.delta(asked, {}, "stop" if pieces else "tool_calls")
        if (asked.get("stream_options") or {}).get("include_usage"):
            self.event(self.completion(asked, choices=[], usage=USAGE))
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def completion(self, asked, **fields):
        return {"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]} | fields

    def delta(self, asked, delta, finish=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        self.event(self.completion(asked, choices=[choice], seen=asked))

    def event(self, data):
        self.chunk(f"data: {json.dumps(data)}\n\n".encode())

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def send(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    server.serve_forever()
