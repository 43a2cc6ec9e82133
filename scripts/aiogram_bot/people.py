"""The fake server as a program, and the people on it."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request


class Server:
    """A server on a free port, until it is closed."""

    def __init__(self, *arguments):
        command = [os.environ["FAKE_TELEGRAM"], "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url, self.token, person = (self.process.stdout.readline().split()[-1] for _ in range(3))
        self.you = Person(self, int(person))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, what, body=None, /, **query):
        """Looks at something, or does it if there is a body."""
        query = urllib.parse.urlencode({key: value for key, value in query.items() if value is not None})
        with urllib.request.urlopen(f"{self.url}/user/{what}?{query}", body) as answer:
            return json.load(answer)

    def file(self, file):
        with urllib.request.urlopen(f"{self.url}/user/file?id={file['id']}") as answer:
            return answer.read()


class Person:
    """Somebody in a chat; in that with the bot, if it is not said."""

    def __init__(self, server, person, chat=None):
        self.server, self.person, self.chat = server, person, chat or person

    def act(self, do, body=b"", /, **query):
        body = body.encode() if isinstance(body, str) else body
        return self.server.ask(do, body, person=self.person, chat=self.chat, **query)

    def messages_of_bot(self):
        messages = self.server.ask("messages", chat=self.chat)["messages"]
        return [message for message in messages if message["is_from_bot"]]

    def answer(self, do, count=1):
        """What the bot says, in so many messages, because of something."""
        before = len(self.messages_of_bot())
        do()
        return wait_for(lambda: self.messages_of_bot()[before : before + count] if self.has(before + count) else None)

    def has(self, count):
        return len(self.messages_of_bot()) >= count


def wait_for(look):
    """What there is to see, as soon as there is."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.02)
    raise AssertionError("what was waited for did not come")
