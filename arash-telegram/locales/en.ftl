# What the bot says in English. Every message stands in each language, with the same variables.
# A command is always written as it is typed.

## The engine's sentences

welcome = Hello! I'm an AI assistant. Ask me anything: I explain, translate, write, and help with code.
welcome-commands = I also know these commands:
help = Write me a message and I will answer.
help-commands = Commands:
status =
    Conversation: { $session }
    Model: { $model }
    Your messages: { $messages }
    In memory: { $remembered } of { $limit }
status-no-model = none
cleared = The conversation is cleared. I remember nothing of it.
current-model = { $model } answers.
only-model = { $model } answers. It is the only model that you can use here.
model-changed = From now on { $model } answers.
model-unknown = There is no model “{ $model }” here.
model-not-allowed = The model { $model } is not open to you.
no-model = There is no model here that you can use.
models = Models:
models-to-choose = You can choose:
model-line = { $name } - { $id }
model-line-current = { $name } - { $id } (current)
how-to-choose = To choose one, write its name after /model
tool-runs = Using { $tool } …
no-such-command = There is no command /{ $command }.
command-not-available = /{ $command } does not work here.
commands-that-work = These commands work:
two-slashes = To begin a message with a slash, write two: //

## What commands do, in one line

command-start = Say hello
command-help = List the commands
command-status = Show how this conversation stands
command-clear = Forget this conversation
command-model = Show or change the model
    .arguments = [name]
command-models = List the models
command-stop = Stop the answer that is being written
command-retry = Answer the last message again
command-stats = Show how the bot is doing

## Something is in the way

rate-limited = That was a bit fast for me. Please write again in { $wait }.
quota-exceeded = I have given all the answers I may for now. Please try again in { $wait }.
quota-exceeded-later = I have given all the answers I may for now. Please try again later.
ai-failed = The AI service could not answer just now. Please try again in a moment.
ai-timed-out = The AI service took too long to answer. Please try again.
conversation-too-long = This conversation has become too long for the model. Send a shorter message, or begin anew with /clear
unavailable = I can't answer right now. Please come back in a moment.
defect = Something went wrong on my side. Please try again.
model-not-usable = This model can't be used here right now. Choose another one with /model
too-many-waiting = I am still busy with the earlier messages of this chat. Please wait a little.

## Answers

broke-off = The answer broke off here. To let me try again: /retry
stopped = Stopped.
nothing-to-stop = There is nothing to stop: I am not writing an answer.
nothing-to-retry = There is no message yet that I could answer again. Write me something first.
whole-answer-in-file = The answer is long: all of it is in this file.

## What is sent to the bot

unsupported = { $kind ->
    [sticker] I can't make anything of stickers yet.
    [poll] I can't make anything of polls yet.
    [contact] I can't make anything of contacts yet.
    [video] I can't watch videos yet.
    [video-message] I can't watch video messages yet.
    [animation] I can't watch GIFs yet.
    [location] I can't make anything of places yet.
    [dice] I can't play dice yet.
    [story] I can't look at stories yet.
   *[other] I can't make anything of this kind of message yet.
} Please tell me in words.
photo-too-large = This photo is too large: I can take up to { $megabytes } MB.
file-too-large = This file is too large: I can take up to { $megabytes } MB.
document-unreadable = I can't read this kind of file, only text files and PDF.
voice-not-understood = I can't listen to voice messages here. Please write it to me.
images-not-seen = I can't look at pictures here. Please describe it in words.
attachment-unavailable = I could not get your file from Telegram. Please send it again.

## The keyboard of models, and buttons

choose-model = Which model should answer?
choose-model-page = Which model should answer? (page { $page } of { $pages })
button-next = Next
button-previous = Previous
button-stop = Stop
outdated-button = This button does not work any more. Please send the command again.

## Groups and administrators

privacy-mode =
    Privacy mode is on, so I may not see messages that mention me. Commands and replies to my messages always reach me.
    Who owns this bot can turn it off in @BotFather (Bot Settings, Group Privacy); then remove me from the group and add me again.
stats =
    Conversations: { $sessions }
    Messages: { $messages }
    Running for: { $uptime }
failures = { $count ->
    [one] { $count } message could not be answered.
   *[other] { $count } messages could not be answered.
} { $kind ->
    [ai_service_error] The AI service is failing.
    [ai_service_refused] The AI service refuses the requests.
    [ai_service_timeout] The AI service does not answer in time.
    [quota_exceeded] The quota is used up.
    [unavailable] Storage can't be reached, or there is too much to do.
    [internal_server_error] There is a defect in the bot.
   *[other] The log says why.
}
unknown-command = I don't know this command. What I know: /help

## Times, after a preposition as in “in 5 minutes”

days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
two-times = { $larger } { $smaller }
