"""What a bot on aiogram gets that uses the fake Bot API server, and nothing else changed."""

import asyncio
import threading
import unittest

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import BotCommand, BotCommandScopeAllGroupChats
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

from bot import make_dispatcher
from people import Person, Server, wait_for


def make_bot(server, token=None):
    return Bot(token or server.token, session=AiohttpSession(api=TelegramAPIServer.from_base(server.url)))


async def poll(bot, stopped):
    dispatcher = make_dispatcher()
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=1))
    await stopped.wait()
    await dispatcher.stop_polling()
    await polling


async def listen(bot, stopped):
    application = web.Application()
    SimpleRequestHandler(make_dispatcher(), bot, secret_token="s3cret").register(application, path="/opaque")
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    await bot.set_webhook(f"http://127.0.0.1:{port}/opaque", secret_token="s3cret")
    await stopped.wait()
    await runner.cleanup()


class Running:
    """The bot in a thread of its own."""

    def __init__(self, server, how):
        self.loop, self.stopped = asyncio.new_event_loop(), asyncio.Event()
        self.bot = make_bot(server)
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.run(how),))
        self.thread.start()

    async def run(self, how):
        async with self.bot.session:
            await how(self.bot, self.stopped)

    def close(self):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join()
        self.loop.close()


class Conversation:
    """What works alike by polling and by a webhook."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--no-flood-control")
        cls.you = cls.server.you
        cls.running = Running(cls.server, cls.how)

    @classmethod
    def tearDownClass(cls):
        cls.running.close()
        cls.server.close()

    def said(self, text):
        return self.you.answer(lambda: self.you.act("say", text))[0]

    def test_an_echo_with_entities(self):
        answer = self.said("سلام 😀 https://example.org and @someone")
        self.assertEqual(answer["text"], "سلام 😀 https://example.org and @someone")
        kinds = [(entity["type"], entity["offset"], entity["length"]) for entity in answer["entities"]]
        self.assertEqual(kinds, [("url", 8, 19), ("mention", 32, 8)])
        self.assertIsNotNone(answer["reply_to"])

    def test_html(self):
        answer = self.said("/html")
        self.assertEqual(answer["text"], "bold both link")
        kinds = [(entity["type"], entity["offset"], entity["length"]) for entity in answer["entities"]]
        self.assertEqual(kinds, [("bold", 0, 9), ("italic", 5, 4), ("text_link", 10, 4)])

    def test_a_keyboard_and_a_press(self):
        message = self.said("/keyboard")
        self.assertEqual([button["text"] for button in message["buttons"][0]], ["one", "two"])
        query = self.you.act("press", message=message["id"], button="two")
        answer = wait_for(lambda: self.server.ask("answer", query=query))
        self.assertEqual(answer, {"text": "Noted", "is_alert": True})
        edited = next(seen for seen in self.you.messages_of_bot() if seen["id"] == message["id"])
        self.assertEqual((edited["text"], edited["buttons"], edited["is_edited"]), ("You picked two", [], True))

    def test_files_both_ways(self):
        def send(kind, name, body, **more):
            return self.you.answer(lambda: self.you.act("send", body, kind=kind, name=name, **more))[0]

        document = send("document", "notes.txt", b"abc" * 100_000, mime="text/plain", caption="Mine")
        self.assertEqual((document["file"]["name"], document["text"]), ("back-notes.txt", "text/plain: Mine"))
        self.assertEqual(self.server.file(document["file"]), b"cba" * 100_000)
        photo = send("photo", "photo.jpg", b"picture")
        self.assertEqual((photo["file"]["kind"], self.server.file(photo["file"])), ("photo", b"picture"))
        voice = send("voice", "voice.oga", b"sound")
        self.assertEqual((voice["file"]["kind"], self.server.file(voice["file"])), ("voice", b"sound"))

    def test_a_rich_message(self):
        answer, told = self.you.answer(lambda: self.you.act("say", "/rich"), count=2)
        self.assertEqual(told["text"], "None, 1, True")
        seen = next(seen for seen in self.you.messages_of_bot() if seen["id"] == answer["id"])
        self.assertEqual((seen["text"], seen["is_rich"]), ("# Two\n\n| a | b |\n|---|---|\n| 1 | 2 |", True))

    def test_an_album(self):
        first, second = self.you.answer(lambda: self.you.act("say", "/album"), count=2)
        self.assertEqual((first["text"], second["text"]), ("An album", ""))
        self.assertEqual(self.server.file(second["file"]), b"picture 2")

    def test_an_edited_message(self):
        mine = self.said("Helo")["reply_to"]
        answer = self.you.answer(lambda: self.you.act("edit", "Hello", message=mine))[0]
        self.assertEqual(answer["text"], "Edited: Hello")

    def test_a_group(self):
        chat = self.server.ask("groups", b"", title="Team", people=self.you.person)
        inside = Person(self.server, self.you.person, chat)
        inside.act("say", "not for the bot")
        answer = inside.answer(lambda: inside.act("say", "/html@arash_test_bot"))[0]
        self.assertEqual(answer["text"], "bold both link")
        self.assertEqual(len(inside.messages_of_bot()), 1)


class Polling(Conversation, unittest.TestCase):
    how = staticmethod(poll)


class Webhook(Conversation, unittest.TestCase):
    how = staticmethod(listen)


class Refusals(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.server = Server()
        self.bot = make_bot(self.server)
        self.chat = self.server.you.chat

    async def asyncTearDown(self):
        await self.bot.session.close()
        self.server.close()

    async def test_refusals_are_the_exceptions_of_aiogram(self):
        with self.assertRaisesRegex(TelegramForbiddenError, "can't initiate conversation"):
            await self.bot.send_message(self.chat, "Hello")
        self.server.you.act("say", "/start")
        message = await self.bot.send_message(self.chat, "Hello")
        with self.assertRaisesRegex(TelegramBadRequest, "message is not modified"):
            await message.edit_text("Hello")
        with self.assertRaisesRegex(TelegramBadRequest, "can't parse entities: Can't find end tag"):
            await self.bot.send_message(self.chat, "<b>x", parse_mode="HTML")
        other = make_bot(self.server, "42:nobody")
        with self.assertRaises(TelegramUnauthorizedError):
            await other.get_me()
        await other.session.close()

    async def test_who_floods_is_told_to_wait(self):
        self.server.you.act("say", "/start")
        with self.assertRaises(TelegramRetryAfter) as refused:
            for number in range(10):
                await self.bot.send_message(self.chat, str(number))
        self.assertEqual((refused.exception.retry_after, number), (3, 5))

    async def test_two_pollers_are_in_conflict(self):
        first = asyncio.create_task(self.bot.get_updates(timeout=10))
        await asyncio.sleep(0.3)
        second = await self.bot.get_updates(timeout=1)
        with self.assertRaises(TelegramConflictError):
            await first
        self.assertEqual(second, [])

    async def test_what_it_tells_of_itself_its_commands_and_webhook_is_understood(self):
        me = await self.bot.get_me()
        self.assertEqual((me.username, me.can_read_all_group_messages), ("arash_test_bot", False))
        commands = [BotCommand(command="help", description="Hilfe")]
        scope = BotCommandScopeAllGroupChats()
        await self.bot.set_my_commands(commands, scope=scope, language_code="de")
        kept = await self.bot.get_my_commands(scope=scope, language_code="de")
        self.assertEqual([(command.command, command.description) for command in kept], [("help", "Hilfe")])
        self.assertEqual(await self.bot.get_my_commands(), [])
        self.assertEqual((await self.bot.get_webhook_info()).pending_update_count, 0)
        group = self.server.ask("groups", b"", title="Team", people=self.chat)
        self.assertEqual((await self.bot.get_chat(group)).title, "Team")
        administrators = await self.bot.get_chat_administrators(group)
        self.assertEqual([member.user.id for member in administrators], [self.chat])
        self.assertEqual((await self.bot.get_chat_member(group, me.id)).status, "member")


if __name__ == "__main__":
    unittest.main()
