//! The same for many things, a few at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::task::JoinSet;

/// Does it for each item, each time by a worker that is free. The workers are there again afterwards; the results are in
/// no order.
pub(super) async fn each<W: 'static, I: 'static, O: 'static>(
    workers: &mut Vec<W>,
    items: impl IntoIterator<Item = I>,
    work: impl AsyncFn(&mut W, I) -> O + Clone + 'static,
) -> Vec<O> {
    let queue: Rc<RefCell<VecDeque<I>>> = Rc::new(RefCell::new(items.into_iter().collect()));
    let mut under_way = JoinSet::new();
    for mut worker in workers.drain(..) {
        let (queue, work) = (Rc::clone(&queue), work.clone());
        under_way.spawn_local(async move {
            let mut done = Vec::new();
            loop {
                let Some(item) = queue.borrow_mut().pop_front() else {
                    return (worker, done);
                };
                done.push(work(&mut worker, item).await);
            }
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = under_way.join_next().await {
        if let Ok((worker, done)) = ended {
            workers.push(worker);
            all.extend(done);
        }
    }
    all
}
