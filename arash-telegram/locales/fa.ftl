# آنچه ربات به فارسی می‌گوید، با خطاب «شما».
# A command begins its line: amid a line its slash would be shown at its wrong end. A line that begins with Latin letters
# begins with a right-to-left mark, "\u200F".

## The engine's sentences

welcome = سلام! من یک دستیار هوش مصنوعی هستم. هر چه می‌خواهید بپرسید: توضیح می‌دهم، ترجمه می‌کنم، می‌نویسم و در برنامه‌نویسی کمک می‌کنم.
welcome-commands = این فرمان‌ها را هم می‌شناسم:
help = برایم پیام بنویسید تا پاسخ بدهم.
help-commands = فرمان‌ها:
status =
    شناسهٔ گفتگو: { $session }
    مدل: { $model }
    پیام‌های شما: { $messages }
    در حافظه: { $remembered } از { $limit }
status-no-model = هیچ‌کدام
cleared = گفتگو پاک شد و دیگر چیزی از آن به یاد ندارم.
current-model = اکنون { $model } پاسخ می‌دهد.
only-model = اکنون { $model } پاسخ می‌دهد و اینجا مدل دیگری در دسترس شما نیست.
model-changed = از این پس { $model } پاسخ می‌دهد.
model-unknown = مدلی به نام «{ $model }» اینجا نیست.
model-not-allowed = مدل { $model } در دسترس شما نیست.
no-model = اینجا مدلی در دسترس شما نیست.
models = مدل‌ها:
models-to-choose = می‌توانید یکی از این‌ها را انتخاب کنید:
model-line = { "\u200F" }{ $name }{ "\u200F" } - { $id }
model-line-current = { "\u200F" }{ $name }{ "\u200F" } - { $id } (فعلی)
how-to-choose =
    برای انتخاب، نام مدل را پس از این فرمان بنویسید:
    /model
tool-runs = در حال استفاده از { $tool } …
no-such-command = فرمانی به نام «{ $command }» نداریم.
command-not-available = فرمان «{ $command }» اینجا کار نمی‌کند.
commands-that-work = این فرمان‌ها کار می‌کنند:
two-slashes = برای آن‌که پیامتان با خط کج آغاز شود، دو تا بنویسید: //

## What commands do, in one line

command-start = سلام و آشنایی
command-help = فهرست فرمان‌ها
command-status = وضعیت این گفتگو
command-clear = پاک کردن این گفتگو
command-model = دیدن یا تغییر مدل
    .arguments = [نام]
command-models = فهرست مدل‌ها
command-stop = متوقف کردن پاسخ
command-retry = پاسخ دوباره به آخرین پیام
command-stats = وضعیت ربات

## Something is in the way

rate-limited = کمی تند پیش رفتیم! لطفاً پس از { $wait } دوباره بنویسید.
quota-exceeded = سهمیهٔ پاسخ‌ها فعلاً تمام شده است. لطفاً پس از { $wait } دوباره بنویسید.
quota-exceeded-later = سهمیهٔ پاسخ‌ها فعلاً تمام شده است. لطفاً بعداً دوباره بنویسید.
ai-failed = سرویس هوش مصنوعی الان نتوانست پاسخ بدهد. لطفاً کمی بعد دوباره امتحان کنید.
ai-timed-out = پاسخ سرویس هوش مصنوعی بیش از حد طول کشید. لطفاً دوباره امتحان کنید.
conversation-too-long =
    این گفتگو برای مدل بیش از حد طولانی شده است. پیام کوتاه‌تری بفرستید یا گفتگو را از نو آغاز کنید:
    /clear
unavailable = الان نمی‌توانم پاسخ بدهم. لطفاً چند لحظهٔ دیگر برگردید.
defect = مشکلی از سوی من پیش آمد. لطفاً دوباره امتحان کنید.
model-not-usable =
    این مدل فعلاً اینجا در دسترس نیست. لطفاً مدل دیگری انتخاب کنید:
    /model
too-many-waiting = هنوز مشغول پاسخ دادن به پیام‌های قبلی این گفتگو هستم. لطفاً کمی صبر کنید.

## Answers

broke-off =
    پاسخ همین‌جا ناتمام ماند. برای تلاش دوباره:
    /retry
stopped = متوقف شد.
nothing-to-stop = چیزی برای متوقف کردن نیست؛ الان پاسخی نمی‌نویسم.
nothing-to-retry = هنوز پیامی نیست که دوباره به آن پاسخ بدهم. اول چیزی برایم بنویسید.
whole-answer-in-file = پاسخ طولانی است؛ متن کامل آن در این فایل است.

## What is sent to the bot

unsupported = { $kind ->
    [sticker] هنوز از استیکر سر در نمی‌آورم.
    [poll] هنوز از نظرسنجی سر در نمی‌آورم.
    [contact] هنوز نمی‌توانم با اطلاعات مخاطب کاری بکنم.
    [video] هنوز نمی‌توانم ویدئو ببینم.
    [video-message] هنوز نمی‌توانم پیام ویدئویی ببینم.
    [animation] هنوز نمی‌توانم گیف ببینم.
    [location] هنوز نمی‌توانم با موقعیت مکانی کاری بکنم.
    [dice] هنوز تاس بازی بلد نیستم.
    [story] هنوز نمی‌توانم استوری ببینم.
   *[other] هنوز از این نوع پیام سر در نمی‌آورم.
} لطفاً منظورتان را بنویسید.
photo-too-large = حجم این عکس زیاد است؛ حداکثر { $megabytes } مگابایت می‌پذیرم.
file-too-large = حجم این فایل زیاد است؛ حداکثر { $megabytes } مگابایت می‌پذیرم.
document-unreadable = این نوع فایل را نمی‌توانم بخوانم؛ فقط فایل متنی و PDF می‌خوانم.
voice-not-understood = اینجا نمی‌توانم به پیام صوتی گوش بدهم. لطفاً آن را بنویسید.
images-not-seen = اینجا نمی‌توانم عکس ببینم. لطفاً آن را با کلمات توصیف کنید.
attachment-unavailable = نتوانستم فایل شما را از تلگرام بگیرم. لطفاً دوباره بفرستید.

## The keyboard of models, and buttons

choose-model = کدام مدل پاسخ بدهد؟
choose-model-page = کدام مدل پاسخ بدهد؟ (صفحهٔ { $page } از { $pages })
button-next = بعدی
button-previous = قبلی
button-stop = توقف
outdated-button = این دکمه دیگر کار نمی‌کند. لطفاً فرمان را دوباره بفرستید.

## Groups and administrators

privacy-mode =
    حالت حریم خصوصی روشن است و شاید پیام‌هایی را که در آن‌ها از من نام می‌برند نبینم. فرمان‌ها و پاسخ به پیام‌هایم همیشه به من می‌رسند.
    صاحب ربات می‌تواند آن را در { "\u2068" }@BotFather{ "\u2069" } خاموش کند (Bot Settings، سپس Group Privacy). پس از آن مرا از گروه حذف و دوباره اضافه کنید.
stats =
    گفتگوها: { $sessions }
    پیام‌ها: { $messages }
    زمان کارکرد: { $uptime }
failures = { $count } پیام بی‌پاسخ ماند. { $kind ->
    [ai_service_error] سرویس هوش مصنوعی خطا می‌دهد.
    [ai_service_refused] سرویس هوش مصنوعی درخواست‌ها را نمی‌پذیرد.
    [ai_service_timeout] سرویس هوش مصنوعی به‌موقع پاسخ نمی‌دهد.
    [quota_exceeded] سهمیه تمام شده است.
    [unavailable] پایگاه داده در دسترس نیست یا بار کاری بیش از حد است.
    [internal_server_error] ربات ایراد دارد.
   *[other] دلیل آن در گزارش‌ها نوشته شده است.
}
unknown-command =
    این فرمان را نمی‌شناسم. آنچه بلدم:
    /help

## Times, after a preposition as in «پس از ۵ دقیقه»

days = { $count } روز
hours = { $count } ساعت
minutes = { $count } دقیقه
seconds = { $count } ثانیه
two-times = { $larger } و { $smaller }
