//! The node of the center that is this machine: found, settled with the center file, and put into it for the core.

use std::path::PathBuf;

use haina_core::center_definition::CenterDefinition;
use haina_engine::discovery::{Probe, RealNode, Settled, settle};
use haina_engine::{EngineError, LocalEngine};

use crate::StartError;

/// This machine as a node; none where the center file has no such node. The definition gets what was found.
///
/// # Errors
/// Where the center file asks for more than the machine has, or does not know its cards.
pub(crate) async fn find(
    definition: &mut Option<CenterDefinition>,
    engine_directory: PathBuf,
    probe: Option<Probe>,
) -> Result<Option<(RealNode, Probe)>, StartError> {
    let Some(center) = definition.as_mut().filter(|center| center.local.real_node.is_some()) else { return Ok(None) };
    let asked = center.local.real_node.clone().expect("it has one");
    let kept = LocalEngine::real_node_of(&engine_directory)?;
    // Drivers take their time.
    let looked = tokio::task::spawn_blocking(move || {
        let probe = probe.unwrap_or_else(Probe::of_this_machine);
        (probe.machine(), probe)
    });
    let (machine, probe) = looked.await.map_err(|_| EngineError::Closed)?;
    for problem in &machine.problems {
        tracing::warn!("not all of this machine could be found out: {problem}");
    }
    let Settled { node, definition } = settle(center, &asked, &machine, kept).map_err(StartError::Refused)?;
    if machine.memory < node.memory || machine.cpu < node.cpu {
        let node = &node.name;
        tracing::warn!(node, "this machine has less memory or fewer processors than when the node was added");
    }
    center.nodes.push(definition);
    Ok(Some((node, probe)))
}
