//! The socket.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::serve::ListenerExt;
use haina_runtime::CenterHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::App;
use crate::document::router;
use crate::latencies::Latencies;

/// How long answers under way may take once the server is to end.
const LINGER: Duration = Duration::from_secs(5);

/// Answers on `listener` until `shutdown`; then ends streams and lets answers under way finish, for a few seconds.
///
/// # Errors
/// Where the socket fails for good.
pub async fn serve(
    listener: TcpListener,
    center: CenterHandle,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (closing, closed) = watch::channel(false);
    let app = App { center, latencies: Latencies::default(), closing: closed.clone() };
    let listener = listener.tap_io(|stream| {
        // Answers are small; waiting to fill a packet would only add latency.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
    });
    tokio::spawn(async move {
        shutdown.await;
        closing.send_replace(true);
        closing.closed().await;
    });
    let told = |mut closed: watch::Receiver<bool>| async move { _ = closed.wait_for(|closing| *closing).await };
    let serving = axum::serve(listener, router(app)).with_graceful_shutdown(told(closed.clone()));
    tokio::select! {
        ended = serving.into_future() => ended,
        () = async {
            told(closed).await;
            tokio::time::sleep(LINGER).await;
        } => Ok(()),
    }
}
