use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

/// A future whose panics go no further, neither while it runs nor while it is dropped.
pub(crate) struct Contained<'a, T>(Option<BoxFuture<'a, T>>);

/// It panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl<'a, T> Contained<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'a) -> Self {
        Self(Some(Box::pin(future)))
    }

    fn end(&mut self) -> Result<(), Panicked> {
        let future = self.0.take();
        catch_unwind(AssertUnwindSafe(|| drop(future))).map_err(|_| Panicked)
    }
}

impl<T> Future for Contained<'_, T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Ready(Err(Panicked)) };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(self.end().map(|()| value)),
            Err(_) => {
                // That it panics again tells nothing new.
                let _ = self.end();
                Poll::Ready(Err(Panicked))
            }
        }
    }
}

impl<T> Drop for Contained<'_, T> {
    fn drop(&mut self) {
        if self.end().is_err() {
            tracing::error!("a part of the program panicked while it was dropped");
        }
    }
}
