//! Cards that their driver calls unfit get no new work: what the engine reads of them reaches the core.

use std::sync::{Arc, Weak};

use haina_center::{Command, View};
use haina_core::{Actor, Health, UnusableCard};
use haina_engine::LocalEngine;
use tokio::sync::{mpsc, oneshot};

use crate::handle::{Message, Request, Shared};

/// Bytes of a reason that are kept.
const REASON_MOST: usize = 300;

/// What the core must be told; nothing where it knows, or the node is not in the center yet.
pub(crate) fn news(engine: &LocalEngine, view: &View) -> Option<Request> {
    let real = engine.real_node()?;
    let node = &view.nodes[view.node_of_name.get(&real.name)?];
    let unfit = engine.card_readings().into_iter().filter_map(|(_, index, reading)| match reading.health {
        Health::Unhealthy(reason) => Some(UnusableCard { index: u8::try_from(index).ok()?, reason: shortened(reason) }),
        Health::Healthy | Health::Degraded(_) => None,
    });
    let unusable: Vec<UnusableCard> = unfit.filter(|card| u32::from(card.index) < node.spec.cards).collect();
    if unusable == node.unusable {
        return None;
    }
    let command = Command::SetCards { node: real.name.clone(), unusable };
    Some(Request { actor: Actor::Engine, command, payloads: Vec::new(), idempotency: None })
}

/// Tells the core whenever the cards were read and are otherwise than it knows, as long as there is an engine.
pub(crate) async fn watch(mailbox: mpsc::WeakSender<Message>, shared: Weak<Shared>) {
    let Some(mut readings) = shared.upgrade().and_then(|shared| shared.engine.card_readings_count()) else { return };
    loop {
        {
            let (Some(mailbox), Some(shared)) = (mailbox.upgrade(), shared.upgrade()) else { return };
            tell(&mailbox, &shared).await;
        }
        if readings.changed().await.is_err() {
            return;
        }
    }
}

async fn tell(mailbox: &mpsc::Sender<Message>, shared: &Arc<Shared>) {
    let news = news(&shared.engine, &shared.view.read().expect("folding a fact does not panic"));
    let Some(request) = news else { return };
    let (reply, answer) = oneshot::channel();
    if mailbox.send(Message::Request(Box::new(request), reply)).await.is_err() {
        return;
    }
    // What could not be committed is told again after the next reading.
    if let Ok(Err(refusal)) = answer.await {
        tracing::warn!("the center was not told of its cards: {refusal}");
    }
}

fn shortened(reason: String) -> String {
    let mut end = reason.len().min(REASON_MOST);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}
