# Что бот говорит по-русски: к людям обращается на «вы».

## The engine's sentences

welcome = Здравствуйте! Я ассистент на основе искусственного интеллекта. Спрашивайте о чём угодно: объясню, переведу, напишу текст, помогу с кодом.
welcome-commands = Ещё я понимаю команды:
help = Напишите мне сообщение, и я отвечу.
help-commands = Команды:
status =
    Диалог: { $session }
    Модель: { $model }
    Ваших сообщений: { $messages }
    В памяти: { $remembered } из { $limit }
status-no-model = нет
cleared = Диалог очищен. Я ничего из него не помню.
current-model = Сейчас отвечает { $model }.
only-model = Сейчас отвечает { $model }. Других моделей здесь для вас нет.
model-changed = Теперь отвечает { $model }.
model-unknown = Модели «{ $model }» здесь нет.
model-not-allowed = Модель { $model } вам недоступна.
no-model = Здесь нет доступных вам моделей.
models = Модели:
models-to-choose = Можно выбрать:
model-line = { $name } - { $id }
model-line-current = { $name } - { $id } (выбрана)
how-to-choose = Чтобы выбрать модель, напишите её название после /model
tool-runs = Использую { $tool } …
no-such-command = Команды /{ $command } нет.
command-not-available = Команда /{ $command } здесь не работает.
commands-that-work = Доступные команды:
two-slashes = Чтобы сообщение начиналось с косой черты, напишите две: //

## What commands do, in one line

command-start = Поздороваться
command-help = Показать список команд
command-status = Показать состояние диалога
command-clear = Забыть этот диалог
command-model = Показать или сменить модель
    .arguments = [название]
command-models = Показать список моделей
command-stop = Остановить ответ
command-retry = Ответить на последнее сообщение ещё раз
command-stats = Показать, как дела у бота

## Something is in the way

rate-limited = Я не успеваю за вами. Пожалуйста, напишите снова через { $wait }.
quota-exceeded = Лимит ответов пока исчерпан. Пожалуйста, напишите снова через { $wait }.
quota-exceeded-later = Лимит ответов пока исчерпан. Пожалуйста, напишите позже.
ai-failed = Сервис искусственного интеллекта сейчас не смог ответить. Пожалуйста, попробуйте ещё раз чуть позже.
ai-timed-out = Сервис искусственного интеллекта слишком долго не отвечал. Пожалуйста, попробуйте ещё раз.
conversation-too-long = Этот диалог стал слишком длинным для модели. Отправьте сообщение покороче или начните заново: /clear
unavailable = Сейчас я не могу ответить. Пожалуйста, вернитесь через минуту.
defect = У меня что-то сломалось. Пожалуйста, попробуйте ещё раз.
model-not-usable = Эта модель сейчас недоступна. Выберите другую: /model
too-many-waiting = Я ещё отвечаю на предыдущие сообщения этого чата. Пожалуйста, немного подождите.

## Answers

broke-off = На этом ответ оборвался. Попробовать ещё раз: /retry
stopped = Остановлено.
nothing-to-stop = Останавливать нечего: сейчас я ничего не пишу.
nothing-to-retry = Пока нет сообщения, на которое можно ответить ещё раз. Сначала напишите мне что-нибудь.
whole-answer-in-file = Ответ получился длинным: он целиком в этом файле.

## What is sent to the bot

unsupported = { $kind ->
    [sticker] Я пока не понимаю стикеры.
    [poll] Я пока не умею работать с опросами.
    [contact] Я пока не умею работать с контактами.
    [video] Я пока не умею смотреть видео.
    [video-message] Я пока не умею смотреть видеосообщения.
    [animation] Я пока не умею смотреть GIF.
    [location] Я пока не умею работать с геопозицией.
    [dice] Я пока не умею играть в кости.
    [story] Я пока не умею смотреть истории.
   *[other] Я пока не понимаю сообщения такого вида.
} Пожалуйста, напишите словами.
photo-too-large = Фото слишком большое: я принимаю до { $megabytes } МБ.
file-too-large = Файл слишком большой: я принимаю до { $megabytes } МБ.
document-unreadable = Я не могу прочитать такой файл: только текстовые файлы и PDF.
voice-not-understood = Здесь я не могу слушать голосовые сообщения. Пожалуйста, напишите текстом.
images-not-seen = Здесь я не могу смотреть картинки. Пожалуйста, опишите словами.
attachment-unavailable = Не удалось получить ваш файл из Telegram. Пожалуйста, отправьте его ещё раз.

## The keyboard of models, and buttons

choose-model = Какая модель будет отвечать?
choose-model-page = Какая модель будет отвечать? (страница { $page } из { $pages })
button-next = Дальше
button-previous = Назад
button-stop = Остановить
outdated-button = Эта кнопка больше не работает. Пожалуйста, отправьте команду ещё раз.

## Groups and administrators

privacy-mode =
    Включён режим приватности, поэтому я могу не видеть сообщений, в которых меня упоминают. Команды и ответы на мои сообщения доходят до меня всегда.
    Владелец бота может отключить этот режим в @BotFather (Bot Settings, Group Privacy); после этого удалите меня из группы и добавьте снова.
stats =
    Диалогов: { $sessions }
    Сообщений: { $messages }
    Работаю уже { $uptime }
failures = { $count ->
    [one] Без ответа осталось { $count } сообщение.
    [few] Без ответа осталось { $count } сообщения.
   *[many] Без ответа осталось { $count } сообщений.
} { $kind ->
    [ai_service_error] Сервис искусственного интеллекта даёт сбои.
    [ai_service_refused] Сервис искусственного интеллекта отклоняет запросы.
    [ai_service_timeout] Сервис искусственного интеллекта не отвечает вовремя.
    [quota_exceeded] Квота исчерпана.
    [unavailable] Хранилище недоступно или нагрузка слишком велика.
    [internal_server_error] В боте ошибка.
   *[other] Причина записана в журнале.
}
unknown-command = Я не знаю такой команды. Вот что я умею: /help

## Times, in the accusative as in «через 5 минут»

days = { $count ->
    [one] { $count } день
    [few] { $count } дня
   *[many] { $count } дней
}
hours = { $count ->
    [one] { $count } час
    [few] { $count } часа
   *[many] { $count } часов
}
minutes = { $count ->
    [one] { $count } минуту
    [few] { $count } минуты
   *[many] { $count } минут
}
seconds = { $count ->
    [one] { $count } секунду
    [few] { $count } секунды
   *[many] { $count } секунд
}
two-times = { $larger } { $smaller }
