//! Faults on purpose: which call fails, and how.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::transport::Refusal;

/// How a call fails.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    Refuse(Refusal),
    BadGateway,
    Slow(Duration),
    Reset,
    LoseReply,
}

/// A fault and the calls that it strikes: without more said, the next call of any method.
///
/// ```
/// use arash_fake_telegram::Fault;
///
/// // The second and the third sendMessage happen, but nobody is told.
/// let fault = Fault::lost_reply().on("sendMessage").after(1).times(2);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    failure: Failure,
    method: Option<String>,
    chat_id: Option<i64>,
    contains: Option<String>,
    skip: usize,
    times: usize,
}

impl Fault {
    fn of(failure: Failure) -> Self {
        Self { failure, method: None, chat_id: None, contains: None, skip: 0, times: 1 }
    }

    /// 429 with this `retry_after`, in seconds; nothing happens.
    pub fn too_many_requests(retry_after: u64) -> Self {
        Self::of(Failure::Refuse(Refusal::too_many_requests(retry_after)))
    }

    /// A refusal of one's own; nothing happens.
    pub fn refusal(code: u16, description: &str) -> Self {
        Self::of(Failure::Refuse(Refusal::new(code, description)))
    }

    /// 500; nothing happens.
    pub fn internal_error() -> Self {
        Self::refusal(500, "Internal Server Error")
    }

    /// 502 with the page of a proxy instead of JSON; nothing happens.
    pub fn bad_gateway() -> Self {
        Self::of(Failure::BadGateway)
    }

    /// What was asked for happens, and is answered `delay` later, on the machine's clock.
    pub fn slow(delay: Duration) -> Self {
        Self::of(Failure::Slow(delay))
    }

    /// The connection is reset; nothing happens.
    pub fn reset() -> Self {
        Self::of(Failure::Reset)
    }

    /// What was asked for happens, but the connection is reset before the answer.
    pub fn lost_reply() -> Self {
        Self::of(Failure::LoseReply)
    }

    /// Strikes calls of this method only; `file` is the download of a file, which is never slow.
    #[must_use]
    pub fn on(self, method: &str) -> Self {
        Self { method: Some(method.to_ascii_lowercase()), ..self }
    }

    /// Strikes calls that concern this chat only.
    #[must_use]
    pub fn in_chat(self, chat_id: i64) -> Self {
        Self { chat_id: Some(chat_id), ..self }
    }

    /// Strikes calls only whose parameters, written as JSON, contain this.
    #[must_use]
    pub fn containing(self, text: &str) -> Self {
        Self { contains: Some(text.to_owned()), ..self }
    }

    /// Lets so many calls pass first: the fault strikes the n-th after `after(n - 1)`.
    #[must_use]
    pub fn after(self, calls: usize) -> Self {
        Self { skip: calls, ..self }
    }

    /// Strikes so many calls.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Strikes every call, until [`crate::FakeTelegram::mend`].
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn concerns(&self, method: &str, chat_id: Option<i64>, payload: &Map<String, Value>) -> bool {
        self.method.as_deref().is_none_or(|mine| mine == method)
            && self.chat_id.is_none_or(|mine| Some(mine) == chat_id)
            && self.contains.as_ref().is_none_or(|text| Value::Object(payload.clone()).to_string().contains(text))
    }
}

/// The faults that are planned.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn plan(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn mend(&mut self) {
        self.0.clear();
    }

    /// How this call fails, if it does: the fault that was planned first decides. `method` is in small letters.
    pub(crate) fn strike(
        &mut self,
        method: &str,
        chat_id: Option<i64>,
        payload: &Map<String, Value>,
    ) -> Option<Failure> {
        let mut struck = None;
        for fault in &mut self.0 {
            if !fault.concerns(method, chat_id, payload) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if struck.is_none() && fault.times > 0 {
                fault.times = fault.times.saturating_sub(usize::from(fault.times != usize::MAX));
                struck = Some(fault.failure.clone());
            }
        }
        self.0.retain(|fault| fault.times > 0);
        struck
    }
}
