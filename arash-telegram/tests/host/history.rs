//! What the model is shown of what was said before.

use crate::running_bot::RunningBot;

#[tokio::test]
async fn the_present_message_counts_as_one_of_the_history() {
    for (most, expected) in [("1", &[1, 1, 1][..]), ("2", &[1, 2, 2]), ("3", &[1, 3, 3]), ("10", &[1, 3, 5])] {
        let bot = RunningBot::start_with(|args| args.telegram_max_history = Some(most.to_owned())).await;
        let ann = bot.telegram.person("Ann");
        for (number, text) in ["one", "two", "three"].iter().enumerate() {
            ann.say(text);
            bot.answer(&ann, number + 1).await;
            assert_eq!(&*bot.provider.requests()[number].newest().unwrap().text, *text);
        }
        let shown: Vec<_> = bot.provider.requests().iter().map(|request| request.messages.len()).collect();
        assert_eq!(shown, expected, "of {most}");
        bot.end().await;
    }
}
