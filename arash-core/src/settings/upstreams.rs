//! Makes the provider that the settings describe, with its layers in their order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::ai::layers::{CircuitBreaker, ConcurrencyLimit, Fallback, Retry, Route, Router};
use crate::ai::{AiProvider, Offline, OpenAi, Pipeline};
use crate::clock::SystemClock;
use crate::error::{Error, Result};
use crate::settings::{AiSettings, UpstreamKind, UpstreamSettings};

/// Longest wait for a place at an upstream or a model that is asked as much as it may be.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl AiSettings {
    /// The provider of all models: `Fallback(Router(…))` around the upstreams, as far as there is a need for them.
    pub(super) fn provider(&self) -> Result<Arc<dyn AiProvider>> {
        let mut upstreams = HashMap::new();
        for upstream in &self.upstreams {
            upstreams.insert(upstream.name.as_str(), upstream.provider()?);
        }
        let only = upstreams.values().next().filter(|_| upstreams.len() == 1).map(Arc::clone);
        if let (Some(only), []) = (&only, self.models.as_slice()) {
            return Ok(Arc::clone(only));
        }
        let mut router = Router::new();
        if let Some(only) = only {
            router = router.otherwise(only);
        }
        for model in &self.models {
            let upstream = upstreams.get(model.upstream.as_str());
            let upstream = upstream.ok_or_else(|| Error::internal("a model has no upstream"))?;
            let mut route = Route::new(limited(Arc::clone(upstream), model.max_concurrent));
            if let Some(id) = &model.upstream_id {
                route = route.upstream_model(id.clone());
            }
            router = router.route(model.info.id.clone(), route.parameters(model.parameters.clone()));
        }
        let with_fallbacks = self.models.iter().filter(|model| !model.fallbacks.is_empty());
        let provider = with_fallbacks.fold(Fallback::new(router), |provider, model| {
            provider.instead_of(model.info.id.clone(), model.fallbacks.iter().cloned())
        });
        Ok(Arc::new(provider))
    }
}

impl UpstreamSettings {
    fn provider(&self) -> Result<Arc<dyn AiProvider>> {
        let provider: Arc<dyn AiProvider> = match self.kind {
            UpstreamKind::Offline => Arc::new(Offline::default()),
            UpstreamKind::Pipeline => {
                let mut pipeline = Pipeline::new(self.url.expose())?.named(self.name.as_str());
                for (name, value) in &self.headers {
                    pipeline = pipeline.with_header(name, value.clone())?;
                }
                if let Some(key) = &self.api_key {
                    pipeline = pipeline.with_api_key(key.clone())?;
                }
                self.attempts(pipeline.with_timeout(self.timeout))
            }
            UpstreamKind::OpenAi => {
                let mut openai = OpenAi::new(self.url.expose())?.named(self.name.as_str());
                for (name, value) in &self.headers {
                    openai = openai.with_header(name, value.clone())?;
                }
                if let Some(key) = &self.api_key {
                    openai = openai.with_api_key(key.clone())?;
                }
                if let Some(model) = &self.transcription_model {
                    openai = openai.with_transcription_model(model.as_str());
                }
                self.attempts(openai.with_timeout(self.timeout))
            }
        };
        Ok(limited(provider, self.max_concurrent))
    }

    /// Attempts at a provider that holds each one to its time by itself.
    fn attempts(&self, provider: impl AiProvider) -> Arc<dyn AiProvider> {
        let guarded = CircuitBreaker::new(provider, Arc::new(SystemClock));
        // A failure that took long is told, rather than made to take as long again.
        Arc::new(Retry::new(guarded).retries(self.retries).give_up_after(self.timeout / 2))
    }
}

fn limited(provider: Arc<dyn AiProvider>, limit: Option<usize>) -> Arc<dyn AiProvider> {
    match limit {
        Some(limit) => Arc::new(ConcurrencyLimit::new(provider, limit).longest_wait(LONGEST_WAIT)),
        None => provider,
    }
}
