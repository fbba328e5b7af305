//! What every handler has at hand.

use haina_center::View;
use haina_runtime::CenterHandle;
use tokio::sync::watch;

use crate::latencies::Latencies;

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The center.
    pub center: CenterHandle,
    /// How long requests took.
    pub latencies: Latencies,
    /// Becomes true when the server is to end, so that streams without an end do.
    pub closing: watch::Receiver<bool>,
}

impl App {
    /// Reads what can be seen at a glance.
    pub fn view<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        self.center.with_view(read)
    }

    /// Returns when the server is to end.
    pub async fn closed(&self) {
        let mut closing = self.closing.clone();
        if closing.wait_for(|closing| *closing).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
