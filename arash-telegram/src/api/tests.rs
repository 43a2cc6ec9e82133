use arash_fake_telegram::{FakeTelegram, Fault, UserFile};
use serde_json::Value;
use teloxide::payloads::{GetFile, GetMe};
use teloxide::types::FileId;

use super::*;

fn api(telegram: &FakeTelegram) -> BotApi {
    BotApi::new(&Secret::new(telegram.url()), &Secret::new(telegram.token())).unwrap()
}

#[tokio::test]
async fn a_time_to_wait_is_one_that_can_be_waited_for() {
    let telegram = FakeTelegram::start().await.unwrap();
    let api = api(&telegram);
    for (told, taken) in [(0, 1), (7, 7), (86_401, 86_400), (u64::MAX, 86_400)] {
        telegram.fault(Fault::too_many_requests(told));
        let refused = api.call(&GetMe::new()).await.unwrap_err();
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(taken)), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_repeats_the_address_is_not_repeated() {
    let telegram = FakeTelegram::start().await.unwrap();
    let (api, token) = (api(&telegram), telegram.token());
    for form in [token.clone(), token.replace(':', "%3A")] {
        telegram.fault(Fault::refusal(400, &format!("Bad Request: /bot{form}/getMe")));
        let refused = api.call(&GetMe::new()).await.unwrap_err();
        let (_, secret) = token.split_once(':').unwrap();
        assert!(refused.to_string().contains("[token]/getMe"), "{refused}");
        assert!(!format!("{refused:?}").contains(secret), "{refused:?}");
    }
}

#[tokio::test]
async fn what_the_file_server_refuses_tells_whether_to_ask_again() {
    let telegram = FakeTelegram::start().await.unwrap();
    let api = api(&telegram);
    let ann = telegram.person("Ann");
    ann.send(UserFile::document("notes.txt", "text/plain", &b"Milk"[..]));
    let ask = GetUpdates { offset: None, limit: 1, timeout: 0, allowed_updates: &[] };
    let Fetched::Updates(updates) = api.updates(&ask).await.unwrap() else { panic!("there is little") };
    let update: Value = serde_json::from_str(updates[0].get()).unwrap();
    let id = update["message"]["document"]["file_id"].as_str().unwrap();
    let path = api.call(&GetFile::new(FileId(id.to_owned()))).await.unwrap().path.clone();
    for fault in [Fault::bad_gateway(), Fault::internal_error(), Fault::reset()] {
        telegram.fault(fault.on("file"));
        assert!(matches!(api.download(&path, 9).await, Err(ApiError::Unknown { .. })));
    }
    telegram.fault(Fault::too_many_requests(3).on("file"));
    assert_eq!(api.download(&path, 9).await.unwrap_err().retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(api.download("documents/none", 9).await.unwrap_err().code(), Some(404));
    assert_eq!(api.download(&path, 9).await.unwrap().as_deref(), Some(&b"Milk"[..]));
}
