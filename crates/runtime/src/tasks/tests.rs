use super::*;

#[tokio::test(start_paused = true)]
async fn tasks_hear_stop_and_are_waited_for() {
    let group = TaskGroup::new();
    let (done, mut finished) = tokio::sync::mpsc::channel(1);
    group.spawn("worker", |stop| async move {
        stop.stopped().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        done.send(()).await.ok();
    });
    assert_eq!(group.len(), 1);
    let report = group.shutdown(Duration::from_secs(5)).await;
    assert!(report.is_clean());
    assert!(finished.try_recv().is_ok());
    assert!(group.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_stop_is_named_and_cut_off() {
    let group = TaskGroup::new();
    group.spawn("deaf", |_| std::future::pending());
    group.spawn("good", |stop| async move { stop.stopped().await });
    let report = group.shutdown(Duration::from_secs(5)).await;
    assert_eq!(report.cut_off, ["deaf"]);
    tokio::task::yield_now().await;
    assert!(group.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_caught_and_counted_and_the_others_live() {
    let group = TaskGroup::new();
    group.spawn("bad", |_| async { panic!("on purpose") });
    group.spawn("good", |stop| async move { stop.stopped().await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((group.panics(), group.len()), (1, 1));
    assert!(group.shutdown(Duration::from_secs(1)).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_restarting_task_starts_again_after_a_panic() {
    let group = TaskGroup::new();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    group.spawn_restarting("flaky", move |stop| {
        let run = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            assert!(run >= 2, "on purpose");
            stop.stopped().await;
        }
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((runs.load(Ordering::Relaxed), group.panics()), (3, 2));
    assert!(group.shutdown(Duration::from_secs(1)).await.is_clean());
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn dropping_the_group_tells_its_tasks_to_stop() {
    let group = TaskGroup::new();
    let stop = group.listener();
    assert!(!stop.is_stopped());
    drop(group);
    stop.stopped().await;
    assert!(stop.is_stopped());
    assert!(!Stop::never().is_stopped());
}
