"""A bot on aiogram: it says back what it is told, with its formatting, and what it does else is what it is asked for."""

from aiogram import Dispatcher, F
from aiogram.filters import Command
from aiogram.types import BufferedInputFile, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, InputRichMessage


def make_dispatcher():
    dispatcher = Dispatcher()

    @dispatcher.message(Command("keyboard"))
    async def keyboard(message):
        row = [InlineKeyboardButton(text=text, callback_data=f"pick:{text}") for text in ("one", "two")]
        await message.answer("Pick", reply_markup=InlineKeyboardMarkup(inline_keyboard=[row]))

    @dispatcher.callback_query(F.data.startswith("pick:"))
    async def picked(query):
        await query.message.edit_text(f"You picked {query.data[5:]}")
        await query.answer("Noted", show_alert=True)

    @dispatcher.message(Command("html"))
    async def html(message):
        await message.answer('<b>bold <i>both</i></b> <a href="https://example.org/">link</a>', parse_mode="HTML")

    @dispatcher.message(Command("rich"))
    async def rich(message):
        answer = await message.answer("…")
        rich = InputRichMessage(markdown="# Two\n\n| a | b |\n|---|---|\n| 1 | 2 |", is_rtl=True)
        edited = await answer.edit_text(rich_message=rich)
        await message.answer(f"{edited.text}, {len(edited.rich_message.blocks)}, {edited.rich_message.is_rtl}")

    @dispatcher.message(Command("album"))
    async def album(message):
        files = [BufferedInputFile(f"picture {number}".encode(), f"{number}.jpg") for number in (1, 2)]
        first, second = files
        await message.answer_media_group([InputMediaPhoto(media=first, caption="An album"), InputMediaPhoto(media=second)])

    @dispatcher.message(F.document)
    async def document(message):
        content = await message.bot.download(message.document)
        answer = BufferedInputFile(content.read()[::-1], "back-" + message.document.file_name)
        await message.reply_document(answer, caption=f"{message.document.mime_type}: {message.caption}")

    @dispatcher.message(F.photo)
    async def photo(message):
        content = await message.bot.download(message.photo[-1])
        await message.answer_photo(BufferedInputFile(content.read(), "photo.jpg"))

    @dispatcher.message(F.voice)
    async def voice(message):
        content = await message.bot.download(message.voice)
        await message.answer_voice(BufferedInputFile(content.read(), "voice.ogg"), duration=message.voice.duration)

    @dispatcher.message(F.text)
    async def echo(message):
        await message.bot.send_chat_action(message.chat.id, "typing")
        await message.reply(message.text, entities=message.entities)

    @dispatcher.edited_message(F.text)
    async def edited(message):
        await message.answer(f"Edited: {message.text}")

    return dispatcher
