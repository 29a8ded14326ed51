//! The same work for many proxies, by several threads: most of the time is waiting for the disk.

use std::panic::resume_unwind;

/// More threads than cores, because they wait for the disk, which takes that many syncs together.
const THREADS: usize = 16;

/// Does it for every item; the results in the order of the items, or the first error.
pub(super) fn for_each<T, R, E, F>(items: &[T], work: F) -> Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
    F: Fn(&T) -> Result<R, E> + Sync,
{
    if items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let work = &work;
    let parts: Vec<Result<Vec<R>, E>> = std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .chunks(items.len().div_ceil(THREADS))
            .map(|part| scope.spawn(move || part.iter().map(work).collect()))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|part| part.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    let mut results = Vec::with_capacity(items.len());
    for part in parts {
        results.extend(part?);
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::for_each;

    #[test]
    fn results_come_in_order_and_the_first_error_in_place_of_them() {
        let items: Vec<u32> = (0..100).collect();
        let doubled: Result<_, ()> = for_each(&items, |n| Ok(n * 2));
        assert_eq!(doubled, Ok(items.iter().map(|n| n * 2).collect()));
        assert_eq!(
            for_each(&items, |n| if n % 40 == 39 { Err(*n) } else { Ok(()) }),
            Err(39)
        );
        assert_eq!(for_each(&[] as &[u32], |n| Err(*n)), Ok(Vec::<()>::new()));
    }
}
