//! Real launchers, started as their manuals say, in a sandbox.

mod scenario;

use haina_core::Ending;
use haina_core::local_definition::LocalDefinition;
use haina_testkit::require;
use scenario::{Scenario, over_nodes};

/// Adds up the ranks with MPICH's library, and without a compiler: its handles are numbers; see its `mpi.h`.
const SUM: &str = r#"
import ctypes
mpi = ctypes.CDLL("libmpich.so.12")
assert mpi.MPI_Init(None, None) == 0
world, int_type, sum_of = 0x44000000, 0x4C000405, 0x58000003
rank, size, total = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
mpi.MPI_Comm_rank(world, ctypes.byref(rank))
mpi.MPI_Comm_size(world, ctypes.byref(size))
assert mpi.MPI_Allreduce(ctypes.byref(rank), ctypes.byref(total), 1, int_type, sum_of, world) == 0
print(f"{rank.value} of {size.value}: {total.value}", flush=True)
mpi.MPI_Finalize()
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mpiexec_starts_its_processes_where_the_host_file_says() {
    if !std::path::Path::new("/usr/bin/mpiexec.hydra").exists() {
        require::skip("mpich", "needs MPICH: apt-get install mpich");
        return;
    }
    let mut center = Scenario::confined(LocalDefinition::default());
    // One task of the gang starts the launcher, which starts all processes.
    let text = "test $RANK = 0 || exit 0; exec mpiexec.hydra -f $HAINA_HOSTFILE -n $WORLD_SIZE python3 -c \"$SUM\"";
    let mut order = over_nodes(center.script(1, text), 2, 4);
    order.payload.working_directory = None;
    order.payload.variables.insert("SUM".to_owned(), SUM.to_owned());
    assert_eq!(center.run(order).await.ending, Ending::Exited { code: 0 }, "{}", center.errors(1, 0));
    let output = center.output(1, 0);
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, (0..8).map(|rank| format!("{rank} of 8: 28")).collect::<Vec<_>>());
}
