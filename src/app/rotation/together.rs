//! Many things at once, in one thread.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use crate::app::AppError;

/// Does all of it at once; `done` sees each result as it comes. What fails ends nothing else: the
/// first failure is told when all have come to rest.
pub(super) async fn all<T>(
    work: Vec<impl Future<Output = Result<T, AppError>>>,
    done: &mut dyn FnMut(&T),
) -> Result<(), AppError> {
    let mut work: Vec<Option<Pin<Box<_>>>> =
        work.into_iter().map(|one| Some(Box::pin(one))).collect();
    let mut first = None;
    std::future::poll_fn(|context| {
        let mut left = false;
        for place in &mut work {
            let Some(one) = place else { continue };
            match one.as_mut().poll(context) {
                Poll::Pending => left = true,
                Poll::Ready(result) => {
                    *place = None;
                    match result {
                        Ok(value) => done(&value),
                        Err(error) => drop(first.get_or_insert(error)),
                    }
                }
            }
        }
        if left { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    first.map_or(Ok(()), Err)
}
