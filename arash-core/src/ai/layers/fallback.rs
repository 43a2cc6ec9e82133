use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use crate::ai::layers::first_delta::first_delta;
use crate::ai::{AiError, AiErrorKind, AiProvider, ChatDelta, ChatRequest, ChatStream};
use crate::platform::ModelId;

/// Asks other models, one after the other, when a model does not answer; the one that does is told by
/// [`ChatDelta::Model`].
///
/// Before the first piece of an answer only, and not when the request was [refused](AiErrorKind::Refused), which others
/// would do too. A model that the request does not [allow](ChatRequest::allowed_models) is not asked. When all fail, the
/// failure of the model that was asked for is told. What stands in has no stand-ins of its own.
#[derive(Debug)]
pub struct Fallback<P> {
    provider: P,
    instead: HashMap<ModelId, Vec<ModelId>>,
}

impl<P> Fallback<P> {
    /// Asks `provider`, which has all the models: a [`Router`](crate::ai::layers::Router), say.
    pub fn new(provider: P) -> Self {
        Self { provider, instead: HashMap::new() }
    }

    /// The same, asking `others` in this order where `model` does not answer.
    pub fn instead_of<M: Into<ModelId>>(
        mut self,
        model: impl Into<ModelId>,
        others: impl IntoIterator<Item = M>,
    ) -> Self {
        self.instead.insert(model.into(), others.into_iter().map(Into::into).collect());
        self
    }
}

#[async_trait]
impl<P: AiProvider> AiProvider for Fallback<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let Some(others) = self.instead.get(&request.model) else {
            return self.provider.stream(request).await;
        };
        let first = match first_delta(&self.provider, request.clone()).await {
            Err(failure) if failure.kind() != AiErrorKind::Refused => failure,
            answer => return answer,
        };
        let mut failure = first.clone();
        let is_allowed =
            |model: &&ModelId| request.allowed_models.as_ref().is_none_or(|allowed| allowed.contains(model));
        for model in others.iter().filter(is_allowed) {
            tracing::warn!(model = %request.model, instead = %model, error = ?failure, "another model is asked instead");
            let asked = ChatRequest { model: model.clone(), ..request.clone() };
            match first_delta(&self.provider, asked).await {
                Ok(deltas) => {
                    let told = stream::iter([Ok(ChatDelta::Model(model.clone()))]);
                    return Ok(Box::pin(told.chain(deltas)));
                }
                Err(next) => failure = next,
            }
        }
        Err(first)
    }
}
